#!/usr/bin/env bash
# Puts a built dist/ onto a tag: tag-release.sh VERSION DIGEST, at the root of a clean clone with dist/ beside the sources.
# The tag's commit is the head's only child and differs from it by dist/ alone; no branch is touched. DIGEST is what
# scripts/digest.sh printed where dist/ was built. REMOTE (default: origin) is where the tag goes.
set -euo pipefail
version=$1 expected=$2 remote=${REMOTE:-origin}
refuse() { echo "release: $1" >&2; exit 1; }

[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || refuse "$version is no version"
stated=$(jq -r .version package.json)
[[ $stated == "$version" ]] || refuse "package.json says $stated, not $version"
[[ -z $(git status --porcelain) ]] || refuse "the clone differs from its head"
[[ -z $(git ls-files dist) ]] || refuse "dist/ is on the branch; it belongs on tags only"
actual=$("$(dirname "$0")/digest.sh" dist)
[[ $actual == "$expected" ]] || refuse "dist/ has digest $actual, not $expected"
tag=v$version
# Asked of the remote itself, whose answer is not taken for "no" when it gives none.
standing=$(git ls-remote --tags "$remote" "refs/tags/$tag") || refuse "$remote does not answer"
[[ -z $standing ]] || refuse "$tag exists; a release is never moved"

git checkout --quiet --detach
git add --force dist
git commit --quiet -m "Release $version" -m "Built from $(git rev-parse HEAD); digest of dist/: $actual"
git tag --annotate "$tag" -m "Whetstone $version"
git push --quiet "$remote" "refs/tags/$tag"
git rev-parse HEAD
