#!/bin/sh
# layerkit arrival 1
#
# Loads the archive beside this script where its base is held, and proves that it arrived. Docker or podman.
#
#   sh SCRIPT [ARCHIVE]
#   RUNTIME='sudo docker' sh SCRIPT        another program than the first that answers of docker and podman
#
# Prints one line OK and exits 0, or says what failed and exits 1. No container is started, nothing is downloaded.
set -uf
LC_ALL=C
export LC_ALL

file=@FILE@
archive=${1-$(dirname -- "$0")/$file}
size=@SIZE@
split=@SPLIT@

# name, name to show, config digest, manifest digest, base from the bottom up, other layers left out, all layers
each() {
@IMAGES@
}

say() { printf '%s\n' "$*" | tr -d '\000-\011\013-\037\177'; } # what a runtime prints moves no cursor
fail() { say "FAILED: $*"; exit 1; }
run() { $runtime "$@" </dev/null; }
last() { printf '%s\n' "$1" | tail -n 1; }

runtime=${RUNTIME-}
if [ -z "$runtime" ]; then
    for program in docker podman; do
        if "$program" info >/dev/null 2>&1 </dev/null; then runtime=$program; break; fi
    done
    [ -n "$runtime" ] || fail "neither docker nor podman answers here"
fi
case $(run --version 2>&1) in *podman*) podman=yes ;; *) podman=no ;; esac

# 1. Is the archive here, and whole?
if [ "$split" = yes ]; then
    set +f
    for part in "$archive".[0-9][0-9][0-9]; do [ -f "$part" ] || fail "$archive.000 is not here"; done
    found=$(cat "$archive".[0-9][0-9][0-9] | wc -c)
    set -f
else
    [ -f "$archive" ] || fail "$archive is not here"
    found=$(wc -c <"$archive")
fi
[ "$((found))" -eq "$size" ] || fail "$archive has $((found)) bytes, expected $size: copy it again"

# 2. Is the base here? One line per local image: its layers from the bottom up.
ids=$(run images -aq --no-trunc) || fail "$runtime images: is it running, and may you use it?"
held=
[ -z "$ids" ] || held=$(run image inspect --format '{{range .RootFS.Layers}}{{.}} {{end}}' $ids 2>/dev/null)

begins() { # some image has these as its lowest layers
    while IFS= read -r line; do case $line in "$1"*) return 0 ;; esac; done <<EOF
$held
EOF
    return 1
}
anywhere() { case $held in *"$1 "*) return 0 ;; *) return 1 ;; esac; }
check() {
    below= missing=
    for layer in $5; do
        below="$below$layer "
        if [ $podman = yes ]; then anywhere "$layer"; else begins "$below"; fi || missing="$missing $layer"
    done
    for layer in $6; do anywhere "$layer" || missing="$missing $layer"; done
    [ -z "$missing" ] && return
    say "FAILED: $2 needs a base that is not here; nothing was loaded. Missing, from the bottom up:"
    for layer in $missing; do say "  $layer"; done
    exit 1
}
each check

# 3. Load. What is said of it is shown only where it failed: it is looked at below.
if [ "$split" = yes ]; then
    set +f
    said=$(cat "$archive".[0-9][0-9][0-9] | $runtime load 2>&1)
    code=$?
    set -f
else
    said=$($runtime load <"$archive" 2>&1)
    code=$?
fi
[ $code -eq 0 ] || fail "$runtime load: $(last "$said")"

# 4. Look again: image ID, layers, and whether a container can be created from it.
arrived=0
prove() {
    name=$1
    if [ -z "$name" ]; then
        name=$3
        run image inspect -- "$name" >/dev/null 2>&1 || name=$4
    fi
    seen=$(run image inspect --format '{{.Id}} {{range .RootFS.Layers}}{{.}} {{end}}' -- "$name" 2>/dev/null) ||
        fail "$2 is not here after loading: $(last "$said")"
    id=${seen%% *} layers=${seen#* }
    case $id in sha256:*) ;; *) id=sha256:$id ;; esac
    [ "$id" = "$3" ] || [ "$id" = "$4" ] || fail "$2 is another image here: $id, expected $3"
    if [ "$layers" != "$7 " ]; then
        there=0 wanted=0
        for layer in $layers; do there=$((there + 1)); done
        for layer in $7; do wanted=$((wanted + 1)); done
        fail "$2 has $there layers here, expected $wanted, or not the right ones: $(last "$said")"
    fi
    container=$(run create --network none -- "$name" /none 2>/dev/null) ||
        fail "no container can be created from $2: $(last "$(run create --network none -- "$name" /none 2>&1)")"
    run rm "$container" >/dev/null 2>&1 || fail "the container $container of $2 could not be removed"
    arrived=$((arrived + 1))
}
each prove
say "OK: $arrived of $arrived images arrived, loaded by $runtime"
