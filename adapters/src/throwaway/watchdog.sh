# Stops a throwaway server and removes its folder once dbdyno is gone, however it went.
# Arguments: folder, the mark in it, the name of the mark file, the server's pid file, the signal
# that stops the server, the environment variable that marks its processes.
# Standard input is a pipe that only dbdyno holds open.
folder=$1 mark=$2 mark_file=$1/$3 pid_file=$4 stop_signal=$5 variable=$6
trap '' HUP INT QUIT TERM

while read -r _; do :; done

is_marked() { [ "$(cat "$mark_file" 2>/dev/null)" = "$mark" ]; }
is_marked || exit 0

command_line() {
  if [ -r "/proc/$1/cmdline" ]; then
    tr '\0' ' ' <"/proc/$1/cmdline"
  else
    ps -o command= -p "$1"
  fi 2>/dev/null
}

# The server. Its pid file may be old, and the number another program's by now: the command line
# must name the folder.
server() {
  pid=$(head -n 1 "$pid_file" 2>/dev/null)
  case $pid in
    '' | *[!0-9]*) ;;
    *) case $(command_line "$pid") in *"$folder"*) echo "$pid" ;; esac ;;
  esac
}

# The server, and what was started to make its data.
all() {
  server
  [ -d /proc/self ] && grep -lsF "$variable=$mark" /proc/[0-9]*/environ | cut -d / -f 3
}

# Children of the processes given. The name in /proc/PID/stat may hold blanks and parentheses.
children() {
  if [ -d /proc/self ]; then
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\([0-9]*\) (.*) [A-Za-z] \([0-9]*\) .*/\1 \2/'
  else
    ps -A -o pid=,ppid=
  fi | while read -r pid parent; do
    case " $* " in *" $parent "*) echo "$pid" ;; esac
  done
}

# Those of the processes given that none of the others started.
first() {
  below=" $(children "$@" | tr '\n' ' ')"
  for pid; do
    case $below in *" $pid "*) ;; *) echo "$pid" ;; esac
  done
}

# Asks once, in the way that leaves no shared memory behind: the server by its own signal, or what
# makes its data by ending its first process, so that the others find the end of their input.
ask() {
  running_server=$(server)
  kill -CONT "$@" $(children "$@")
  if [ -n "$running_server" ]; then
    kill -"$stop_signal" "$running_server"
  else
    kill -TERM $(first "$@")
  fi
} 2>/dev/null

force() {
  kill -STOP "$@"
  kill -KILL $(children "$@") "$@"
} 2>/dev/null

pause() { sleep 0.05 2>/dev/null || sleep 1; }

tries=0
while running=$(all | sort -u | tr '\n' ' ') && [ -n "$running" ] && [ $tries -lt 400 ]; do
  # Not quoted: it is a list.
  [ $tries -eq 0 ] && ask $running
  [ $tries -gt 100 ] && force $running
  tries=$((tries + 1))
  pause
done

# A process that is just ending may still write a last file.
tries=0
while is_marked || [ -d "$folder" ] && [ $tries -lt 200 ]; do
  rm -rf "$folder" 2>/dev/null
  tries=$((tries + 1))
  [ -d "$folder" ] && pause
done
