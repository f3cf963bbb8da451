#!/bin/sh
# What images and layers this machine holds, for `layerkit inventory --import`.
# It only asks docker or podman; it changes nothing, sends nothing, and writes to standard output:
#     sh inventory.sh > site.txt
# A program other than the first of docker and podman is named as the first argument: sh inventory.sh podman
set -u
export LC_ALL=C

program=${1:-}
if [ -z "$program" ]; then
  for program in docker podman; do
    command -v "$program" > /dev/null 2>&1 && break
  done
fi

fail() { echo "inventory.sh: $*" >&2; exit 1; }

image='image {"Id":{{json .ID}},"RepoTags":{{json .RepoTags}},"RepoDigests":{{json .RepoDigests}},"RootFS":{{json .RootFS}}}'
case $program in
*docker)
  info='info {"ServerVersion":{{json .ServerVersion}},"OSType":{{json .OSType}},"Architecture":{{json .Architecture}},'
  info=$info'"DockerRootDir":{{json .DockerRootDir}},"Driver":{{json .Driver}},"DriverStatus":{{json .DriverStatus}}}'
  root='{{.DockerRootDir}}' ;;
*podman)
  info='info {"host":{"os":{{json .Host.OS}},"arch":{{json .Host.Arch}}},"version":{"Version":{{json .Version.Version}}},'
  info=$info'"store":{"graphRoot":{{json .Store.GraphRoot}},"graphDriverName":{{json .Store.GraphDriverName}}}}'
  root='{{.Store.GraphRoot}}' ;;
*) fail "$program is neither docker nor podman" ;;
esac

echo "layerkit-inventory 1 ${program##*/}"
echo "host $(uname -n)"
"$program" info --format "$info" || fail "$program does not answer; is root needed?"
df -Pk "$("$program" info --format "$root")" 2> /dev/null | sed -n '$s/^/df /p'
ids=$("$program" images -aq --no-trunc | sort -u) || fail "$program does not list its images"
if [ -n "$ids" ]; then
  echo "$ids" | xargs "$program" image inspect --format "$image" || fail "an image could not be looked at; run it again"
fi
echo "end $(printf '%s\n' "$ids" | grep -c .)"
