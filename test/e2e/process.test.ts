/** What an embedding process sees: it ends by itself, and events come by themselves. */
import { describe, expect, it } from 'vitest';
import { Running, root } from '../support/processes.js';

/** Runs a module in the package's own folder, where its name resolves to the build. */
async function runModule(source: string): Promise<{ code: number | null; output: string }> {
  const process = new Running(['--input-type=module', '--eval', source], { cwd: root });
  const { code } = await process.exited;
  return { code, output: process.output };
}

const begin = `
  import { FailureDetector } from 'phi-accrual';
  const detector = new FailureDetector({ heartbeatInterval: 60_000 });
  for (let i = 0; i < 1000; i++) detector.watch('p' + i).heartbeat();
  detector.on('suspect', () => console.log('suspect'));
`;

describe('a process with a detector', () => {
  it('ends by itself while peers are watched', async () => {
    expect(await runModule(begin)).toEqual({ code: 0, output: '' });
  });

  it('ends by itself after close, and while an unreferenced sender beats', async () => {
    const source = `${begin}
      import { listenUdp, UdpSender } from 'phi-accrual/udp';
      const listener = await listenUdp(detector, { port: 0 });
      new UdpSender({ id: 'me', to: '127.0.0.1:' + listener.port });
      setTimeout(() => { listener.close(); detector.close(); }, 100);
    `;
    expect(await runModule(source)).toEqual({ code: 0, output: '' });
  });

  it('hears of silence from a real timer, not before the computed instant', async () => {
    const source = `
      import { FailureDetector } from 'phi-accrual';
      const detector = new FailureDetector({ heartbeatInterval: 50 });
      const events = [];
      for (let i = 0; i < 200; i++) detector.watch('p' + i, { heartbeatInterval: 50 + i });
      detector.on('suspect', ({ at, due }) => {
        events.push(at >= due);
        if (events.length === 200) clearInterval(alive);
      });
      const alive = setInterval(() => {}, 1000);
      process.on('exit', () => console.log(events.length, events.every(Boolean)));
    `;
    expect(await runModule(source)).toEqual({ code: 0, output: '200 true\n' });
  });
});
