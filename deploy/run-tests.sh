#!/bin/sh
# Runs all tests. Most of the time goes into waiting for paced packets, so one half runs beside the other; the namespaces
# and addresses of the two never meet. With arguments for pytest it is one plain run.
# usage: run-tests.sh PYTHON [PYTEST ARGUMENT]...
set -u
python=$1
shift
mkdir -p artefacts
if [ $# -gt 0 ]; then
	exec "$python" -m pytest tests --junit-xml=artefacts/tests.xml --durations=15 "$@"
fi
apart='tests/capture tests/discover tests/net tests/probe tests/project tests/fingerprints tests/identify tests/update'
ignore=
for folder in $apart; do ignore="$ignore --ignore=$folder"; done

"$python" -m pytest $apart -p no:cacheprovider --junit-xml=artefacts/tests-network.xml --durations=10 \
	>artefacts/tests-network.txt 2>&1 &
beside=$!
"$python" -m pytest tests $ignore --junit-xml=artefacts/tests.xml --durations=10
here=$?
wait "$beside"
there=$?
cat artefacts/tests-network.txt
[ "$here" -eq 0 ] || exit "$here"
exit "$there"
