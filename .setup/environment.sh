# shellcheck shell=bash
# Sets up what a run needs and is not there yet; sourced by ./run and ./test. When all is there: a few milliseconds.
#
#   set_up "" [pytest arguments]       the environment of a run; afterwards $python is its Python
#   set_up dev [pytest arguments]      with the tools of a contributor
#
# Ends the script with 2 (something is missing that cannot be installed, Ctrl-C) or 4 (this user may not make
# namespaces).
#
# The scripts are called with Ctrl-C blocked, by their first line, so that it ends them with 2 from the first moment on:
# what takes long is `interruptible`, then they look whether it came; the run that they become hears of it, too.

root=$(cd -P "${BASH_SOURCE[0]%/*}/.." && pwd)
venv=$root/.venv
# Container images often set it: every one of a run's processes would compile everything anew.
unset PYTHONDONTWRITEBYTECODE
python=$venv/bin/python

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() { end_if_interrupted; say "${@:2}"; exit "$1"; }
is_there() { command -v "$1" >/dev/null; }

[[ $OSTYPE == linux* ]] || { say "the lab needs Linux, and this is $OSTYPE: run it in Docker, see docs/docker.md"; exit 2; }

trap 'say interrupted; exit 2' INT      # for `bash run`, which blocks nothing

end_if_interrupted() {
    local name pending
    while read -r name pending; do
        [[ $name == ShdPnd: ]] || continue
        if (( 0x$pending & 2 )); then say interrupted; exit 2; fi
        return 0
    done <"/proc/$$/status"
}

# Runs a program that Ctrl-C ends. (perl is a part of every Debian, and here before a Python is.)
interruptible() {
    local unblocked=()
    if is_there perl; then
        unblocked=(perl -MPOSIX=:signal_h -e 'sigprocmask(SIG_UNBLOCK, POSIX::SigSet->new(SIGINT)); exec { $ARGV[0] } @ARGV'
            --)
    fi
    "${unblocked[@]}" "$@"
}

# Does this run need the local lab's programs? Not on another engine, and not for --help and the like.
wants_local_lab() {
    local engine=local previous='' argument from_environment
    read -r -d '' -a from_environment <<<"${PYTEST_ADDOPTS:-}" || true      # pytest reads these first
    for argument in "${from_environment[@]}" "$@"; do
        case $argument in
            -h | --help | --version | -V | --markers | --fixtures) return 1 ;;
            --engine=*) engine=${argument#*=} ;;
        esac
        [[ $previous != --engine ]] || engine=$argument
        previous=$argument
    done
    [[ $engine == local ]]
}

can_make_namespaces() { unshare --user --map-root-user --mount --net "$@" true 2>/dev/null; }

# Before anything is set up: nothing that could be installed would help where the kernel says no.
require_user_namespaces() {
    if ! is_there unshare || can_make_namespaces; then return; fi
    local name forbidden allowed why='the kernel, or a container around us, forbids it'
    while read -r name forbidden allowed; do
        [[ $(cat "/proc/sys/${name//.//}" 2>/dev/null) == "$forbidden" ]] || continue
        why="$name=$forbidden; allow it with: sudo sysctl $name=$allowed"
        break
    done <<<'kernel.apparmor_restrict_unprivileged_userns 1 0
        kernel.unprivileged_userns_clone 0 1
        user.max_user_namespaces 0 15000'
    fail 4 "this system does not let a user make namespaces ($why); or run it as root: sudo $0"
}

# Makes $sudo the beginning of a command that runs as root. $1: the command, for somebody who may.
become_root() {
    sudo=()
    (( EUID != 0 )) || return 0
    sudo=(sudo)
    [[ -t 0 ]] || sudo+=(-n)        # nobody there to type a password
    is_there sudo || fail 2 "there is no sudo here; have an administrator run: $1"
    interruptible "${sudo[@]}" true 2>/dev/null || fail 2 "sudo refused; have an administrator run: $1"
}

# The names of Debian's packages for what is missing, in $packages.
find_missing_programs() {
    packages=()
    if (( needs_new )); then
        find_python
        if [[ -z $system_python ]]; then
            is_there python3 && fail 2 "Python 3.11 or newer is needed; this is $(python3 -V 2>&1)"
            packages+=(python3 python3-venv)
        elif ! "$system_python" -c 'import ensurepip, venv' 2>/dev/null; then
            packages+=("python$("$system_python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv")
        fi
    fi
    if [[ $extras == dev ]]; then     # the page is tested in a real browser
        is_there chromium || is_there google-chrome || packages+=(chromium)
        is_there chromedriver || packages+=(chromium-driver)
        # Real clients of the hostile upstream, and a real server for frames.
        is_there curl || packages+=(curl)
        is_there nghttp || packages+=(nghttp2-client)
        PATH=$PATH:/usr/sbin is_there nghttpd || packages+=(nghttp2-server)
        is_there openssl || packages+=(openssl)
    fi
    (( local_lab )) || return 0
    is_there mmdebstrap || packages+=(mmdebstrap)
    is_there unshare || packages+=(util-linux)
    # Root's own runs need no subordinate ids; the tests of what an ordinary user sees do.
    [[ $EUID == 0 && $extras != dev ]] || { is_there newuidmap && is_there newgidmap; } || packages+=(uidmap)
}

install_missing_programs() {
    find_missing_programs
    (( ${#packages[@]} )) || return 0
    is_there apt-get || fail 2 "this is no Debian or Ubuntu; install these first (Debian's names): ${packages[*]}"
    local install="apt-get install --no-install-recommends ${packages[*]}" sudo
    become_root "$install"
    say "installing what is missing: ${sudo[*]} $install"
    interruptible "${sudo[@]}" apt-get update -q >&2 || say "apt-get update failed; trying with the package lists there are"
    end_if_interrupted
    interruptible "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${packages[@]}" >&2 ||
        fail 2 "apt-get could not install ${packages[*]}; see above"
    find_missing_programs
    (( ${#packages[@]} == 0 )) || fail 2 "still missing after $install: ${packages[*]}"
}

# An ordinary user's Pods need more user ids than one: 65536 of them, given in /etc/subuid and /etc/subgid.
give_subordinate_ids() {
    if can_make_namespaces --map-auto; then return; fi
    local usermod first sudo
    unshare --help | grep -q -e --map-auto || fail 2 "unshare of util-linux 2.38 or newer is needed; this is $(unshare -V)"
    first=$(cat /etc/subuid /etc/subgid 2>/dev/null | awk -F: '$2 + $3 > end { end = $2 + $3 } END { print end + 0 }')
    (( first >= 100000 )) || first=100000
    usermod="usermod --add-subuids $first-$((first + 65535)) --add-subgids $first-$((first + 65535)) $(id -un)"
    become_root "$usermod"
    say "giving this user subordinate ids: ${sudo[*]} $usermod"
    # shellcheck disable=SC2086     # words
    interruptible "${sudo[@]}" $usermod || fail 2 "that failed; see above"
    can_make_namespaces --map-auto || fail 2 "the subordinate ids in /etc/subuid and /etc/subgid cannot be used: $(
        unshare --user --map-root-user --map-auto true 2>&1)"
}

find_python() {
    for system_python in python3 python3.{14,13,12,11} ''; do
        is_there "${system_python:-:}" || continue
        [[ -z $system_python ]] || ! "$system_python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || break
    done
}

# What the environment was made from: the tree and its Python (either moves: a new one is needed), and the requirements.
foundation() { printf '%s ' "$root"; readlink -f "$python"; }
requirements() { sha256sum "$root/pyproject.toml" "$root"/locks/*.txt; }

# What is missing is put into the clone, which may be somebody else's.
require_own_clone() {
    local place
    for place in "$root" "$venv"; do
        [[ ! -e $place || -w $place ]] ||
            fail 2 "cannot write to $place, which belongs to $(stat -c %U "$place"): make a clone of your own"
    done
}

look_at_environment() {     # "" or dev: sets $needs_new, $is_set_up, for this user $may_use_lab
    local found='' now
    needs_new=1 is_set_up=0 may_use_lab=0
    if (( EUID == 0 || ! local_lab )) || [[ -e $venv/lab-$EUID ]]; then may_use_lab=1; fi
    [[ -x $python && ! -e $venv/unfinished ]] || return 0       # there is none, or its making was cut short
    now=$(foundation; requirements)
    [[ ! -e $venv/set-up ]] || found=$(<"$venv/set-up")
    [[ -n $found && ${found%%$'\n'*} != "${now%%$'\n'*}" ]] || needs_new=0
    [[ ! -e $venv/set-up${1:+-$1} || $(<"$venv/set-up${1:+-$1}") != "$now" ]] || is_set_up=1
}

make_environment() {    # "" or dev
    if (( needs_new )); then
        { rm -rf "$venv" && mkdir "$venv" && touch "$venv/unfinished"; } || fail 2 "cannot make $venv; see above"
        find_python
        say "making a virtual environment with $("$system_python" -V)"
        interruptible "$system_python" -m venv "$venv" >&2 || fail 2 "cannot make the virtual environment $venv; see above"
    fi
    end_if_interrupted
    touch "$venv/unfinished" || fail 2 "cannot write to $venv; see above"
    say "installing the pinned Python packages"
    local lock="$root/locks/${1:-run}.txt" install=("$python" -m pip install --quiet --disable-pip-version-check --no-input)
    # No package is built here, so that none of them runs before it is imported, and nothing is fetched that has no hash.
    interruptible "${install[@]}" --require-hashes --no-deps --only-binary=:all: --requirement "$lock" >&2 ||
        fail 2 "pip could not install the packages of $lock; see above"
    end_if_interrupted
    interruptible "${install[@]}" --no-deps --no-build-isolation --editable "$root" >&2 ||
        fail 2 "pip could not install $root; see above"
    { foundation; requirements; } | tee "$venv/set-up${1:+-$1}" >"$venv/set-up"
    rm "$venv/unfinished"
}

set_up() {      # "" or dev, [pytest arguments]
    local extras=$1 local_lab=0 needs_new is_set_up may_use_lab packages
    shift
    if wants_local_lab "$@"; then local_lab=1; fi
    look_at_environment "$extras"
    if (( needs_new || ! is_set_up )); then require_own_clone; fi
    (( may_use_lab )) || require_user_namespaces
    find_missing_programs
    if (( is_set_up && may_use_lab && ! ${#packages[@]} && ! needs_new )); then return; fi
    exec 9<"${BASH_SOURCE[0]}"
    flock -n 9 || { say "waiting for another set-up"; interruptible flock 9; }
    install_missing_programs
    (( may_use_lab )) || give_subordinate_ids
    end_if_interrupted
    look_at_environment "$extras"       # as another run may have left it
    if (( needs_new || ! is_set_up )); then make_environment "$extras"; fi
    # In somebody else's clone it cannot be remembered: then it is found out each time.
    (( may_use_lab )) || touch "$venv/lab-$EUID" 2>/dev/null || true
    exec 9<&-
}
