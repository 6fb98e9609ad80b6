/** Who belongs to a tree of processes. */
import { describe, expect, it } from 'vitest';
import { type ProcessStat, parseStat } from '../../src/cli/run/processes.js';
import { inTurns, membersOf } from '../../src/cli/run/tree.js';

const stat = (pid: number, parent: number, group: number, session: number, state = 'S') =>
  ({ pid, state, parent, group, session }) satisfies ProcessStat;

describe('the members of a tree', () => {
  const nobody = () => false;

  it('are the group, the session, those who carry the mark, and the descendants of all these', () => {
    const all = [
      stat(1, 0, 1, 1),
      stat(50, 1, 50, 50), // run itself
      stat(100, 50, 100, 100), // the leader
      stat(101, 100, 100, 100),
      stat(102, 1, 102, 100), // an orphan with a group of its own
      stat(103, 1, 103, 103), // a daemon that carries the mark
      stat(104, 103, 104, 104), // its child
      stat(105, 104, 105, 105), // and that one's
      stat(200, 50, 200, 200), // another child of run
      stat(201, 1, 201, 201), // a stranger
    ];
    const found = membersOf(100, all, (pid) => pid === 103);
    expect(found.map(({ pid }) => pid).sort()).toEqual([100, 101, 102, 103, 104, 105]);
  });

  it('are none but those who live', () => {
    const all = [stat(100, 50, 100, 100, 'Z'), stat(101, 1, 100, 100, 'Z'), stat(102, 1, 9, 9)];
    expect(membersOf(100, all, nobody)).toEqual([]);
  });

  it('are found through parents that have ended, and in whatever order they are listed', () => {
    const all = [stat(103, 102, 103, 103), stat(102, 101, 102, 102, 'Z'), stat(101, 1, 100, 100)];
    expect(membersOf(100, all, nobody).map(({ pid }) => pid)).toEqual([101, 103]);
  });
});

describe('a search through many processes', () => {
  it('lets other work of this process go on, as that which says that a command has ended', async () => {
    const seen: string[] = [];
    function* search(): Generator<undefined, string> {
      for (let i = 0; i < 3; i++) {
        for (const from = performance.now(); performance.now() - from < 10; );
        seen.push('step');
        yield;
      }
      return 'found';
    }
    setImmediate(() => seen.push('other work'));
    const found = inTurns(search());
    expect(await found).toBe('found');
    expect(seen).toEqual(['step', 'other work', 'step', 'step']);
  });
});

describe('a line of /proc/<pid>/stat', () => {
  it.each([
    ['7 (node) S 1 5 4 34816 7 4194304', stat(7, 1, 5, 4)],
    ['7 (a) Z (b) R 9 1) T 1 5 4 0', stat(7, 1, 5, 4, 'T')],
    ['7 () R 0 0 0 0 -1', stat(7, 0, 0, 0, 'R')],
    ['', undefined],
    ['7', undefined],
    ['7 (x) S', undefined],
    ['x (x) S 1 2 3', undefined],
  ])('%j', (line, expected) => {
    expect(parseStat(line)).toEqual(expected);
  });
});
