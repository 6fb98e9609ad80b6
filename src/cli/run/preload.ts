/** Loaded into a supervised Node process before its program: a thread and the main loop beat. */
import { isMainThread } from 'node:worker_threads';
import { ProcessBeats } from '../../registry/client/process-beats.js';
import { SignedBeats } from '../../registry/client/signed-beats.js';
import { Turns } from '../../sources/turns.js';
import { ORDER, type RunOrder } from './order.js';

const text = process.env[ORDER];
const order = text === undefined ? undefined : (JSON.parse(text) as RunOrder);

// The program's own children and threads are not what is supervised.
if (isMainThread && order !== undefined && order.parent === process.ppid) {
  delete process.env[ORDER];
  if (order.nodeOptions === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = order.nodeOptions;

  const { credentials, port, interval } = order;
  const target = { host: '127.0.0.1', port };
  // Beats that cannot be sent are missed by the supervisor, and the program's output is its own.
  const ignore = () => {};
  new ProcessBeats(target, interval, credentials, ignore);
  if (order.loop) {
    const beats = new SignedBeats(target, credentials, ignore, ignore);
    let sequence = 0;
    const turns = new Turns(
      () => beats.send(++sequence, 0, { signal: 'service', ready: true, ackWanted: false }),
      { interval },
    );
    // A program may take its time to load: only who was heard once can fall silent.
    setImmediate(() => turns.start());
  }
}
