# Sourced: the programs that tests run against and npm doesn't have. Installed only when missing.

# program(s) that do:package
needed_programs='mosquitto:mosquitto
redis-server:redis-server
chromium|chromium-browser|google-chrome:chromium
promtool:prometheus'

# Daemons lie in folders that a normal user's PATH lacks.
program_exists() {
  local names="$1" name
  for name in ${names//|/ }; do
    if PATH="$PATH:/usr/sbin:/usr/local/sbin:/sbin:/opt/homebrew/sbin:/opt/homebrew/bin" command -v "$name" >/dev/null 2>&1; then
      return 0
    fi
  done
  return 1
}

missing_packages() {
  local line
  while IFS= read -r line; do
    if ! program_exists "${line%%:*}"; then printf '%s ' "${line##*:}"; fi
  done <<<"$needed_programs"
}

ensure_debian_packages() {
  local missing as_root=''
  missing="$(missing_packages)"
  if [ -z "$missing" ]; then return 0; fi
  echo "missing: $missing"
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Install them by your system's package manager; the tests about them fail without."
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      echo "Not root, and sudo asks for a password. Run: sudo apt-get install --no-install-recommends $missing"
      return 1
    fi
    as_root='sudo -n'
  fi
  # $missing and $as_root are lists of words.
  # shellcheck disable=SC2086
  apt_install() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing; }
  apt_install || { $as_root apt-get update && apt_install; } || return 1
  missing="$(missing_packages)"
  if [ -n "$missing" ]; then
    echo "still missing after installing: $missing"
    return 1
  fi
}
