/** The registry's service in a process of its own, which tells what it costs when asked. */
import { startService } from 'phi-accrual/service';
import { liveBytes } from './heap.mjs';

const service = await startService({
  port: 0,
  udpPort: 0,
  registry: { maxInstances: 50_000 },
  maxConnectionsPerAddress: 5000,
});
process.send({ url: service.url, udpPort: service.udpPort });
process.on('message', async (wish) => {
  if (wish === 'close') {
    await service.close();
    process.disconnect();
    return;
  }
  const { user, system } = process.cpuUsage();
  const { registry, datagrams } = service;
  const { heartbeats } = registry.stats;
  if (wish === 'cpu') {
    process.send({ cpu: user + system, heartbeats }); // without a collection, which would cost some
    return;
  }
  const { overflowed } = datagrams;
  const { stall } = registry.protection;
  const cpu = (user + system) / 1000;
  process.send({ cpu, heartbeats, overflowed, stall, live: liveBytes() / 2 ** 20 });
});
