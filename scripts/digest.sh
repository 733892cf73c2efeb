#!/usr/bin/env bash
# One SHA-256 for a folder: of the paths and contents of all its files, wherever it lies and whenever they were written.
set -euo pipefail
cd "$1"
find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
