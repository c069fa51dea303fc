# To be sourced: finding and installing the programs that tests need.

has_postgres() {
  command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null ||
    compgen -G '/usr/pgsql-*/bin/initdb' >/dev/null
}
has_mariadb() {
  command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || [ -x /usr/libexec/mariadbd ]
}
has_pgbench() {
  command -v pgbench >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/pgbench' >/dev/null ||
    compgen -G '/usr/pgsql-*/bin/pgbench' >/dev/null
}
has_pgbouncer() {
  command -v pgbouncer >/dev/null || [ -x /usr/sbin/pgbouncer ]
}
has_mariadb_backup() {
  command -v mariadb-backup >/dev/null || command -v mariabackup >/dev/null
}
has_zstd() {
  command -v zstd >/dev/null
}
has_chromium() {
  command -v chromium >/dev/null
}
has_tmux() {
  command -v tmux >/dev/null
}
has_prometheus() {
  command -v prometheus >/dev/null && command -v promtool >/dev/null
}
has_sysbench() {
  command -v sysbench >/dev/null
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else echo "error: cannot run \`$*\`: it needs root and there is no sudo; run it as root" >&2; exit 2
  fi
}

# The packages' own services are not needed; on Debian this keeps them from starting at install.
install_packages() {
  echo "installing with the system's package manager: $*"
  if command -v apt-get >/dev/null; then
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get install -y -qq --no-install-recommends "$@"
  elif command -v dnf >/dev/null; then
    as_root dnf install -y -q "$@"
  elif command -v brew >/dev/null; then
    brew install "$@"
  else
    echo "error: cannot install $*: there is no apt-get, dnf or brew; install them yourself" >&2
    exit 2
  fi
}

# The package that holds a program or server.
package_of() {
  if command -v apt-get >/dev/null; then
    case "$1" in
      postgres|pgbench) echo postgresql ;;
      mariadb) echo mariadb-server ;;
      mariadb_backup) echo mariadb-backup ;;
      zstd) echo zstd ;;
      sysbench) echo sysbench ;;
      pgbouncer) echo pgbouncer ;;
      chromium) echo chromium ;;
      tmux) echo tmux ;;
      prometheus) echo prometheus ;;
    esac
  elif command -v dnf >/dev/null; then
    case "$1" in
      postgres) echo postgresql-server ;;
      pgbench) echo postgresql-contrib ;;
      mariadb) echo mariadb-server ;;
      mariadb_backup) echo mariadb-backup ;;
      zstd) echo zstd ;;
      sysbench) echo sysbench ;;
      pgbouncer) echo pgbouncer ;;
      chromium) echo chromium ;;
      tmux) echo tmux ;;
      prometheus) echo golang-github-prometheus ;;
    esac
  else
    case "$1" in
      postgres|pgbench) echo postgresql ;;
      mariadb) echo mariadb ;;
      mariadb_backup) echo mariadb ;;
      zstd) echo zstd ;;
      sysbench) echo sysbench ;;
      pgbouncer) echo pgbouncer ;;
      chromium) echo chromium ;;
      tmux) echo tmux ;;
      prometheus) echo prometheus ;;
    esac
  fi
}

# Installs those of the programs named that are missing.
ensure() {
  local name missing=()
  for name in "$@"; do
    "has_$name" || missing+=("$(package_of "$name")")
  done
  [ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
}
