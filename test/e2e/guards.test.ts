/** The guards among real processes, sockets and clocks. */
import { afterEach, describe, expect, it } from 'vitest';
import { Running, root } from '../support/processes.js';

const running: Running[] = [];
const start = (source: string) => {
  const process = new Running(['--input-type=module', '--eval', source], { cwd: root });
  running.push(process);
  return process;
};
afterEach(async () => {
  for (const process of running) process.kill('SIGKILL');
  await Promise.all(running.splice(0).map(({ exited }) => exited));
});

/** Beats for 1000 peers each 400 ms, spread evenly; one of them, `dying`, until it is told. */
const sender = (port: string) => `
  import { createSocket } from 'node:dgram';
  import { encodeHeartbeats } from 'phi-accrual/udp';
  const socket = createSocket('udp4');
  const peers = 1000;
  const start = performance.now();
  let sent = 0;
  let dead = false;
  process.on('SIGUSR2', () => { dead = true; console.log('dead'); });
  setInterval(() => {
    for (const due = (performance.now() - start) * 2.5; sent < due; sent++) {
      const id = sent % peers === 7 ? 'dying' : 'p' + (sent % peers);
      if (id === 'dying' && dead) continue;
      const beat = { id, incarnation: 1, sequence: Math.floor(sent / peers) };
      socket.send(encodeHeartbeats([beat]), ${port}, '127.0.0.1');
    }
  }, 2);
  console.log('sending');
`;

/** Says who is suspected; blocks for \`ms\` when it is told to. */
const observer = (ms: number, receiveBufferBytes: number) => `
  import { FailureDetector } from 'phi-accrual';
  import { listenUdp } from 'phi-accrual/udp';
  const detector = new FailureDetector({ heartbeatInterval: 400 });
  const listener = await listenUdp(detector, { port: 0, receiveBufferBytes: ${receiveBufferBytes} });
  console.log('port ' + listener.port);
  const started = performance.now();
  setInterval(() => {
    const known = [...detector.peers()].filter((id) => detector.status(id) === 'available').length;
    if (known === 1000 && performance.now() > started + 4000) console.log('all available');
  }, 100);
  detector.on('suspect', ({ peer, reason }) => console.log('suspect ' + peer + ' ' + reason));
  detector.on('stall', ({ duration }) => console.log('stall ' + Math.round(duration)));
  process.on('SIGUSR2', () => setImmediate(() => {
    for (const until = performance.now() + ${ms}; performance.now() < until; );
    console.log('unblocked');
  }));
`;

async function blocked(receiveBufferBytes: number) {
  const watching = start(observer(3000, receiveBufferBytes));
  const [, port] = await watching.says(/port (\d+)/);
  const sending = start(sender(port));
  await sending.says(/sending/);
  await watching.says(/all available/);
  sending.kill('SIGUSR2');
  // A heartbeat of it that came amid the block would be read after it: then no stall is in its silence.
  await sending.says(/dead/);
  watching.kill('SIGUSR2');
  await watching.says(/unblocked/);
  await watching.says(/suspect dying/);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return watching.output;
}

const suspects = (output: string) =>
  [...output.matchAll(/suspect (\S+) (\S+)/g)].map(([, peer, reason]) => `${peer} ${reason}`);

describe('an event loop that was blocked for 3 s, with 1000 peers that beat', () => {
  it.each([
    ['whose heartbeats wait to be read', 4 << 20],
    ['whose heartbeats the kernel has dropped', 106_496], // granted twice: its own default
  ])('%s, suspects none of them, and finds who died', async (_, bytes) => {
    const output = await blocked(bytes);
    expect(suspects(output)).toEqual(['dying stall']);
    expect(output).toMatch(/stall (2[5-9]|[3-9]\d|\d{3})\d\d/);
  });
});

describe('an event loop in which nothing comes in', () => {
  it('does not wait for input after a stall', async () => {
    const watching = start(`
      import { createSocket } from 'node:dgram';
      import { FailureDetector } from 'phi-accrual';
      const detector = new FailureDetector({ heartbeatInterval: 100 });
      createSocket('udp4').bind(0);
      const beats = setInterval(() => detector.heartbeat('a'), 100);
      let unblocked;
      setTimeout(() => {
        clearInterval(beats);
        for (const until = performance.now() + 1000; performance.now() < until; );
        unblocked = performance.now();
      }, 1500);
      detector.on('suspect', () => console.log('after ' + Math.round(performance.now() - unblocked)));
    `);
    const [, after] = await watching.says(/after (\d+)/);
    expect(Number(after)).toBeLessThan(3000); // 240 ms on an idle machine; without end before
  });
});

describe('a process that is stopped', () => {
  it('suspects nobody when it goes on', async () => {
    const watching = start(observer(0, 4 << 20));
    const [, port] = await watching.says(/port (\d+)/);
    await start(sender(port)).says(/sending/);
    await watching.says(/all available/);
    watching.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    watching.kill('SIGCONT');
    await watching.says(/stall \d{4}/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(suspects(watching.output)).toEqual([]);
  });

  it('is suspected itself, and available again when it goes on', async () => {
    const watching = start(`
      import { FailureDetector } from 'phi-accrual';
      import { listenUdp } from 'phi-accrual/udp';
      const detector = new FailureDetector({ heartbeatInterval: 100 });
      const listener = await listenUdp(detector, { port: 0 });
      console.log('port ' + listener.port);
      detector.on('suspect', ({ peer }) => console.log('suspect ' + peer));
      detector.on('available', ({ peer }) => console.log('available ' + peer));
    `);
    const [, port] = await watching.says(/port (\d+)/);
    const node = start(`
      import { UdpSender } from 'phi-accrual/udp';
      new UdpSender({ id: 'node', to: '127.0.0.1:${port}', interval: 100 });
      setInterval(() => {}, 1000);
      console.log('beating');
    `);
    await node.says(/beating/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    node.kill('SIGSTOP');
    await watching.says(/suspect node/);
    node.kill('SIGCONT');
    await watching.says(/available node/);
  });
});

describe('a socket that dies', () => {
  it('is replaced; nobody is suspected for it, and who died meanwhile is', async () => {
    const watching = start(`
      import { Socket } from 'node:dgram';
      import { FailureDetector } from 'phi-accrual';
      import { listenUdp } from 'phi-accrual/udp';
      let opened;
      const bind = Socket.prototype.bind;
      let refuse = false;
      Socket.prototype.bind = function (...args) {
        opened = this;
        if (refuse) return queueMicrotask(() => this.emit('error', new Error('no such device')));
        return bind.apply(this, args);
      };
      const detector = new FailureDetector({ heartbeatInterval: 100 });
      const listener = await listenUdp(detector, { port: 0 });
      console.log('port ' + listener.port);
      detector.on('suspect', ({ peer }) => console.log('suspect ' + peer));
      process.on('SIGUSR2', () => {
        refuse = true;
        opened.emit('error', new Error('network is down'));
        setTimeout(() => console.log('held ' + detector.explain('p1')?.held), 1500);
        setTimeout(() => { refuse = false; }, 2000);
        setTimeout(() => console.log('status ' + detector.status('p1')), 6500);
      });
    `);
    const [, port] = await watching.says(/port (\d+)/);
    const node = (id: string) =>
      start(`
        import { UdpSender } from 'phi-accrual/udp';
        new UdpSender({ id: '${id}', to: '127.0.0.1:${port}', interval: 100 });
        setInterval(() => {}, 1000);
        console.log('beating');
      `);
    const [healthy, dying] = [node('p1'), node('p2')];
    await healthy.says(/beating/);
    await dying.says(/beating/);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    watching.kill('SIGUSR2');
    dying.kill('SIGKILL');
    await watching.says(/held link-down/);
    await watching.says(/status available/);
    expect(watching.output.match(/suspect \S+/g)).toEqual(['suspect p2']);
  });
});
