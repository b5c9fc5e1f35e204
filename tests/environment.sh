# For tests that need packages from PyPI; to be sourced.

# python_environment NAME REQUIREMENTS: prints the path of the Python of an environment that has what the file
# REQUIREMENTS lists, installed once per list and version of Python.
python_environment() {
  local name=$1 requirements=$2 cache environment fresh
  cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/weir
  environment=$cache/$name-$(python3 -c 'import hashlib, sys; print(hashlib.sha256(
    open(sys.argv[1], "rb").read() + sys.version.encode()).hexdigest()[:12])' "$requirements")
  if [ ! -d "$environment" ]; then
    echo "installing $(grep -v '^#' "$requirements" | paste -sd ' ')" >&2
    mkdir -p "$cache"
    fresh=$(mktemp -d "$cache/installing.XXXXXX")
    if ! python3 -m venv "$fresh" >&2; then
      rm -rf "$fresh"
      echo "python3 cannot make environments; \`deploy/setup --tests\` installs python3-venv" >&2
      return 1
    fi
    if ! "$fresh/bin/python" -m pip install -q --disable-pip-version-check -r "$requirements" >&2; then
      rm -rf "$fresh"
      echo "pip could not install what $requirements lists" >&2
      return 1
    fi
    chmod 755 "$fresh"
    # Another run may have been faster. Scripts in it hold the old path: only its Python is called.
    mv -T "$fresh" "$environment" 2>/dev/null || rm -rf "$fresh"
  fi
  echo "$environment/bin/python"
}
