/** What ends the command when `run` itself was killed: nothing that is started outlives `run`. */
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * A shell that waits for the end of a pipe, of which `run` alone holds the other end: however `run`
 * ends, the system closes it. It reads the process group that there is at present, or an empty line
 * if there is none, and in the end sends it SIGTERM, and SIGKILL after the grace.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM TSTP
grace=$1 mark=$2 group=
while read -r line; do group=$line; done
[ -n "$group" ] || exit 0
marked() { grep -lsF -e "$mark" /proc/[0-9]*/environ 2>/dev/null; }
signal_group() { kill -s "$1" -- "-$group" 2>/dev/null; }
signal_marked() {
  for file in $(marked); do
    pid=\${file%/environ}
    kill -s "$1" "\${pid#/proc/}" 2>/dev/null
  done
}
if [ -n "$(marked)" ]; then signal_marked TERM; else signal_group TERM; fi
while [ "$grace" -gt 0 ] && { signal_group 0 || [ -n "$(marked)" ]; }; do
  sleep 1
  grace=$((grace - 1))
done
signal_group KILL
signal_marked KILL
`;

export class Guard {
  readonly #shell: ChildProcess;

  /** @param grace in ms, rounded up to seconds */
  constructor(grace: number, mark: string) {
    const args = ['-c', SCRIPT, 'sh', String(Math.ceil(grace / 1000)), mark];
    // Of a group of its own: what is sent to that of `run`, as by a terminal, is not for it.
    this.#shell = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    // Without a shell, as in an image of one program, there is no guard; docs/command-line.md says so.
    this.#shell.on('error', () => {});
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
  }

  /** Which process group is to be ended; undefined for none. */
  watch(group: number | undefined): void {
    this.#shell.stdin?.write(`${group ?? ''}\n`);
  }

  /** It is needed no more. */
  close(): void {
    this.#shell.stdin?.end('\n');
  }
}
