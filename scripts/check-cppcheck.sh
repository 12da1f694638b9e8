#!/bin/bash
# cppcheck over all sources.
# usage: scripts/check-cppcheck.sh FILE.c...
set -eu

exec cppcheck --quiet -j 2 --std=c11 --language=c -I . --error-exitcode=1 --inline-suppr \
    --enable=warning,performance,portability --suppress=missingIncludeSystem \
    --suppressions-list=scripts/cppcheck.supp --template='{file}:{line}: {message} [{id}]' "$@"
