// The choice of the instruction set.
#include "core/kernels/isa.h"

#include <catch2/catch.hpp>

#include "core/error.h"
#include "tests/core/kernels/kernel_test.h"

using namespace terse;
using namespace terse::kernels;

TEST_CASE("every supported instruction set can be forced and is then in use") {
  const KeptIsa kept;
  REQUIRE_FALSE(supported_isas().empty());
  for (const std::string& isa : supported_isas()) {
    force_isa(isa);
    CHECK(isa_name() == isa);
  }
}

TEST_CASE("an unknown instruction set is refused with the list of those there are") {
  const std::string before = isa_name();
  CHECK_THROWS_AS(force_isa("AVX9"), UsageError);
  CHECK_THROWS_AS(force_isa(""), UsageError);
  CHECK_THROWS_WITH(force_isa("AVX9"), Catch::Contains("AVX9") &&
                                           Catch::Contains(supported_isas().front()) &&
                                           Catch::Contains(supported_isas().back()));
  CHECK(isa_name() == before);
}
