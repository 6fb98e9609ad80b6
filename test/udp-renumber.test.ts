/** A node whose wall clock was wrong when it started. */
import { expect, it, vi } from 'vitest';
import { listenUdp, UdpSender } from '../src/sources/udp.js';

it('a sender takes a later incarnation once its wall clock is set forward, and none when it is set back', async () => {
  const WEEK = 7 * 86_400_000;
  const clock = Date.now.bind(Date);
  let error = -2 * WEEK;
  const now = vi.spyOn(Date, 'now').mockImplementation(() => clock() + error);
  const heard = new Set<number>();
  const sink = {
    now: () => 0,
    heartbeat: (_id: string, _at: number, info: { incarnation: number }) => {
      heard.add(info.incarnation);
    },
  };
  const listener = await listenUdp(sink, { port: 0 });
  const sender = new UdpSender({ id: 'a', to: `127.0.0.1:${listener.port}`, interval: 10 });
  try {
    await vi.waitFor(() => expect(heard.size).toBe(1), 5000);
    error = 0;
    await vi.waitFor(() => expect(heard.size).toBe(2), 5000);
    const [first, second] = heard;
    expect(second - first).toBeGreaterThan(1.9 * WEEK);
    error = -2 * WEEK;
    const { sent } = sender;
    await vi.waitFor(() => expect(sender.sent).toBeGreaterThan(sent + 5), 5000);
    expect(heard.size).toBe(2);
  } finally {
    now.mockRestore();
    sender.close();
    await listener.close();
  }
});
