#!/usr/bin/env bash
# Installs the Debian packages that are missing. With all there it changes nothing and takes no time.
#   scripts/setup.sh          what the build, the tests and the benchmarks need
#   scripts/setup.sh --lint   clang-format and clang-tidy as well
#   scripts/setup.sh --fuzz   the clang that builds the fuzzers as well
set -euo pipefail

packages=(
  build-essential cmake ninja-build ccache pkg-config
  libdnnl-dev libhwy-dev                                          # the CPU backend
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev # pictures
  libpng-dev libjpeg-dev                                          # pictures, without what OpenCV prints
  libicu-dev zlib1g-dev libssl-dev                                # tokenizer, hashes
  nlohmann-json3-dev libtomlplusplus-dev libspdlog-dev libfmt-dev
  doctest-dev libbenchmark-dev
)
if [[ "${1:-}" == --lint ]]; then packages+=(clang-format clang-tidy-16 libomp-14-dev); fi
if [[ "${1:-}" == --fuzz ]]; then packages+=(clang-14 libclang-rt-14-dev libomp-14-dev); fi

if ! command -v dpkg-query >/dev/null; then
  echo "setup: this is no Debian system, so nothing is installed here. These Debian packages, or what they hold, are needed:" >&2
  echo "  ${packages[*]}" >&2
  echo "setup: with all of them in place, set RANKINE_SKIP_SETUP=1 and call make again." >&2
  [[ "${RANKINE_SKIP_SETUP:-}" == 1 ]] && exit 0
  exit 1
fi

installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null | awk '$2 == "installed" {print $1}' || true)
missing=()
for package in "${packages[@]}"; do
  grep -qxF "$package" <<<"$installed" || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 || "${RANKINE_SKIP_SETUP:-}" == 1 ]]; then exit 0; fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
  else
    echo "setup: ${#missing[@]} Debian packages are missing, and installing them needs root. Please run" >&2
    echo "  sudo apt-get update && sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    echo "setup: and then call make again." >&2
    exit 1
  fi
fi
echo "setup: installing ${missing[*]}"
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}")
"${as_root[@]}" apt-get update -qq
if ! "${install[@]}" >/dev/null; then
  echo "setup: apt-get could not install them; its reason stands above. Mend it and call make again." >&2
  exit 1
fi
echo "setup: done"
