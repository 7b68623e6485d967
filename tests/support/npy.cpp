#include "tests/support/npy.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <regex>
#include <stdexcept>

namespace terse::test {

size_t Npy::size() const {
  size_t product = 1;
  for (size_t extent : shape) product *= extent;
  return product;
}

Npy read_npy(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (bytes.size() < 10 || bytes.compare(1, 5, "NUMPY") != 0) {
    throw std::runtime_error(path.string() + ": no .npy file");
  }
  const size_t header_length = uint8_t(bytes[8]) + 256u * uint8_t(bytes[9]);
  const std::string header = bytes.substr(10, header_length);
  const size_t start = 10 + header_length;
  if (header.find("'fortran_order': False") == std::string::npos) {
    throw std::runtime_error(path.string() + ": not in C order");
  }
  Npy npy;
  const std::string inner = header.substr(header.find('(') + 1);
  const std::regex number("[0-9]+");
  const std::string dims = inner.substr(0, inner.find(')'));
  for (std::sregex_iterator it(dims.begin(), dims.end(), number), end; it != end; ++it) {
    npy.shape.push_back(std::stoul(it->str()));
  }
  const bool is_flags = header.find("|b1") != std::string::npos;
  if (bytes.size() != start + (is_flags ? 1 : 4) * npy.size()) {
    throw std::runtime_error(path.string() + ": unexpected size");
  }
  if (header.find("<f4") != std::string::npos) {
    npy.floats.resize(npy.size());
    std::memcpy(npy.floats.data(), bytes.data() + start, 4 * npy.size());
  } else if (header.find("<i4") != std::string::npos) {
    npy.ints.resize(npy.size());
    std::memcpy(npy.ints.data(), bytes.data() + start, 4 * npy.size());
  } else if (is_flags) {
    npy.ints.assign(bytes.begin() + long(start), bytes.end());
  } else {
    throw std::runtime_error(path.string() + ": not float32, int32 or bool: " + header);
  }
  return npy;
}

}  // namespace terse::test
