"""Which pairs are kept, and in which split each stands.

The rule must stay: scores of different models compare only while they are taken on the same test split.
"""

import hashlib
import re

_DROP_SYNOPSIS = re.compile(
    r"transitional|dummy package|debug(ging)? (symbols|information)|debugging symbols|meta-?package|metapackage|empty package|"
    r"dependency package|virtual package|obsolete package|compatibility package", re.I)
_DROP_TEXT = re.compile(
    r"this is an? (empty )?(transitional|dummy|virtual)|transitional (dummy )?package|dummy package|this metapackage|"
    r"this meta-package|is a metapackage|is a meta-package|contains the debugging symbols|can safely be removed|safely removed", re.I)

# What a name's stem is without: "libfoo-dev", "foo-doc" and "python3-foo" are all siblings of "foo".
_ENDINGS = re.compile(
    r"(-(dev|doc|docs|common|data|bin|utils|tools|dbg|java|perl|ruby|python|examples|tests|test|plugins?|client|server|headers|"
    r"source|all|core|base|extra|extras|gtk\d*|qt\d*|x11|nox|static|cil|openmpi|mpich|serial|libs?|runtime|modules?|i18n|l10n|"
    r"lang|full|minimal|light|lite|dkms|el|lua|js|[a-z]{2,3}|[a-z]{2}-[a-z]{2}|amd64|cpp|c\+\+|jni|gui|cli|daemon|headless))+$")
_BEGINNINGS = re.compile(
    r"^(lib|python3?-|ruby-|node-|golang-(github-com-|gopkg-|golang-)?|r-(cran|bioc|other)-|elpa-|php-|haskell-|libghc-|fonts-|"
    r"ghc-|librust-|rust-|gir1\.2-|task-|lua-|ocaml-|octave-|erlang-|gcc-|g\+\+-)+")
_VERSION = re.compile(r"(-|_)?(v|abi)?[\d][\w.]*$")

VALID_FROM, TEST_FROM, LARGE_FAMILY = 0.95, 0.975, 60


def why_dropped(package, synopsis, text):
    """The reason why a pair is no good for training, or None."""
    if package.startswith("librust-") and ("+" in package or re.search(r"- feature", synopsis)):
        return "rust feature"
    if package.endswith(("-dbg", "-dbgsym")) or _DROP_SYNOPSIS.search(synopsis):
        return "dropped by synopsis"
    if _DROP_TEXT.search(text[:400]):
        return "dropped by long text"
    if len(text) < 60 or len(text.split()) < 10:
        return "long text too short"
    if len(synopsis) < 8 or len(synopsis.split()) < 2:
        return "synopsis too short"
    return None


def normal(text):
    """Lower case, letters and digits."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def first_sentence(text):
    match = re.match(r"(.+?[.!?])(\s|$)", text)
    return match.group(1) if match else text


def stem(package):
    """The part of a package's name that siblings share."""
    name = package.lower()
    if name.startswith("librust-"):
        name = re.sub(r"\+.*$", "", name)
    for _ in range(3):
        shorter = _ENDINGS.sub("", name)
        shorter = _VERSION.sub("", shorter) or shorter
        if shorter == name:
            break
        name = shorter
    name = _BEGINNINGS.sub("", name) or name
    name = re.sub(r"[\d.]+$", "", name) or name
    return name.strip("-_.+")


def families(pairs):
    """Lists of indices: pairs that share an opening or a stem, directly or through others."""
    parent, first = list(range(len(pairs))), {}

    def root(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, pair in enumerate(pairs):
        keys = [("opening", normal(first_sentence(pair["source"]))), ("opening", normal(pair["source"][:90]))]
        if len(stem(pair["id"])) >= 3:
            keys.append(("stem", stem(pair["id"])))
        for key in keys:
            if key in first:
                parent[root(i)] = root(first[key])
            else:
                first[key] = i
    groups = {}
    for i in range(len(pairs)):
        groups.setdefault(root(i), []).append(i)
    return list(groups.values())


def _share(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def split(pairs):
    """{"train": [...], "valid": [...], "test": [...]}; a family stands in one of them, a large one in train."""
    result = {"train": [], "valid": [], "test": []}
    for members in families(pairs):
        place = _share(min(pairs[i]["id"] for i in members))
        large = len(members) > LARGE_FAMILY
        name = "train" if large or place < VALID_FROM else "valid" if place < TEST_FROM else "test"
        result[name] += [pairs[i] for i in members]
    for part in result.values():
        part.sort(key=lambda pair: hashlib.sha256(("order" + pair["id"]).encode()).hexdigest())
    return result
