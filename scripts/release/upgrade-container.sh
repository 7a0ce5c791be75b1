#!/bin/sh
# upgrade-container.sh IMAGE [CONTAINER]
#
# Puts the kamal-proxy of an image into a running container (kamal-proxy, if no other is named) and lets it
# take over there: same container, same process, no request lost. A version that can't take over leaves
# everything as it was. Needs docker and nothing else; nothing is done when the version is there already.
# On another machine: ssh HOST sh -s -- IMAGE [CONTAINER] < upgrade-container.sh
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "Usage: upgrade-container.sh IMAGE [CONTAINER]" >&2
  exit 2
fi
image=$1
container=${2:-kamal-proxy}
path=/usr/local/bin/kamal-proxy

# The original has no such command.
if ! current=$(docker exec "$container" kamal-proxy version); then
  echo "Error: no kamal-proxy that can be upgraded in place runs in the container $container" >&2
  exit 1
fi
docker image inspect "$image" > /dev/null 2>&1 || docker pull "$image"
next=$(docker run --rm --network none "$image" kamal-proxy version)
if [ "$current" = "$next" ]; then
  echo "$container has version $next already"
  exit 0
fi

folder=$(mktemp -d)
source=
cleanup() {
  [ -z "$source" ] || docker rm "$source" > /dev/null
  rm -rf "$folder"
}
trap cleanup EXIT
# What it tells of its progress is of no use here.
copy() {
  docker cp "$1" "$2" > "$folder/log" 2>&1 || { cat "$folder/log" >&2; return 1; }
}
mkdir "$folder/next" "$folder/current"
source=$(docker create "$image")
copy "$source:$path" "$folder/next/"
copy "$container:$path" "$folder/current/"

# Nothing can be copied into a root folder that is read-only: a restart starts the image's version again.
if [ "$(docker inspect --format '{{.HostConfig.ReadonlyRootfs}}' "$container")" = true ]; then
  docker exec --interactive "$container" kamal-proxy upgrade - < "$folder/next/kamal-proxy"
  exit
fi
copy "$folder/next/kamal-proxy" "$container:/usr/local/bin/"
if ! docker exec "$container" kamal-proxy upgrade; then
  copy "$folder/current/kamal-proxy" "$container:/usr/local/bin/"
  exit 1
fi
