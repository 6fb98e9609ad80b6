/** The HTTP side of a registry without one: instances that beat by the clock, and what one tells it. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { arrivalModels } from '../../src/core/model/distributions.js';
import type { InstanceStatus, InstanceView } from '../../src/registry/instance.js';
import type { PastChange } from '../../src/registry/member.js';
import type { ChangeKind } from '../../src/registry/views.js';
import { root } from './processes.js';

const PERIOD = 1000;
const STD_DEV = 100;
const THRESHOLD = 8;
const { perMean, perStdDev } = arrivalModels.normal.reach(THRESHOLD);
const TOLERATED = perMean * PERIOD + perStdDev * STD_DEV;
const EPOCH = '0123456789abcdef';
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/style.css': ['style.css', 'text/css; charset=utf-8'],
};

interface Member {
  view: InstanceView;
  readonly history: PastChange[];
  readonly phase: number;
  /** From then on it does not beat. */
  silentFrom: number;
}

export interface FakeOptions {
  readonly instances: number;
  /** Needed by everything but the files; default none. */
  readonly token?: string;
  readonly demo?: boolean;
  /** What its wall clock is ahead of the machine's, in ms. */
  readonly ahead?: number;
}

export class FakeRegistry {
  readonly #options: FakeOptions;
  readonly #members = new Map<string, Member>();
  readonly #streams = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly changes: { id: string; kind: ChangeKind; at: number; status: InstanceStatus }[] = [];
  readonly requests: string[] = [];
  /** What GET /protection answers. */
  protection: object = { panic: [], outliers: [], removal: { frozen: false } };
  /** Whether frames are sent. */
  frames = true;
  #revision = 0;

  constructor(options: FakeOptions) {
    this.#options = options;
    for (let i = 0; i < options.instances; i++) this.#add(`node-${i + 1}`, i);
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(port = 0): Promise<string> {
    await new Promise<void>((done) => this.#server.listen(port, '127.0.0.1', done));
    this.#timers.push(setInterval(() => this.#judge(), 20));
    this.#timers.push(setInterval(() => this.#frame(), 1000));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    const closed = new Promise((done) => this.#server.close(done));
    this.disconnect();
    await closed;
  }

  #wall(): number {
    return Date.now() + (this.#options.ahead ?? 0);
  }

  /** Cuts every connection; they may come again. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  kill(id: string): void {
    this.#members.get(id)!.silentFrom = performance.now();
  }

  view(id: string): InstanceView | undefined {
    return this.#members.get(id)?.view;
  }

  /** Changes an instance and tells every stream. */
  change(id: string, kind: ChangeKind, change: Partial<InstanceView>, reason?: string): void {
    const member = this.#members.get(id)!;
    const revision = ++this.#revision;
    const at = Date.now();
    const changedAt = this.#wall();
    member.view = { ...member.view, ...change, revision };
    if (kind === 'status') member.view = { ...member.view, changedAt };
    const { generation, status, draining, routable } = member.view;
    const standing = { generation, status, draining, routable };
    member.history.push({ revision, at: changedAt, kind, ...standing, ...(reason && { reason }) });
    if (kind === 'removed' || kind === 'deregistered') this.#members.delete(id);
    this.changes.push({ id, kind, at, status: member.view.status });
    const data = { revision, kind, instance: member.view, reason };
    this.say('change', JSON.stringify(data), `${EPOCH}-${revision}`);
  }

  /** Says anything on every stream. */
  say(type: string, data: string, id?: string): void {
    const text = `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${data}\n\n`;
    for (const stream of this.#streams) stream.write(text);
  }

  #add(id: string, i: number): void {
    const service = ['orders', 'payments', 'search <b>&', 'users'][i % 4];
    const now = Date.now();
    const view: InstanceView = {
      id,
      service,
      address: `10.0.${i >> 8}.${i & 255}:8080`,
      meta: { zone: i % 2 ? 'a' : 'b' },
      generation: 1,
      heartbeatInterval: PERIOD,
      ttl: 30_000,
      status: 'available',
      signals: { process: 'unused', service: 'ok' },
      draining: false,
      routable: true,
      revision: ++this.#revision,
      registeredAt: now,
      changedAt: now,
    };
    this.#members.set(id, { view, history: [], phase: (i * 377) % PERIOD, silentFrom: Infinity });
  }

  #lastBeat({ phase, silentFrom }: Member, now: number): number {
    const until = Math.min(now, silentFrom);
    return Math.floor((until - phase) / PERIOD) * PERIOD + phase;
  }

  #judge(): void {
    const now = performance.now();
    for (const [id, member] of this.#members) {
      const dead = now - this.#lastBeat(member, now) >= TOLERATED;
      if (dead && member.view.status === 'available') {
        const signals = { process: 'unused', service: 'missing' } as const;
        this.change(id, 'status', { status: 'dead', signals, routable: false }, 'silence');
      } else if (!dead && member.view.status === 'dead') {
        const signals = { process: 'unused', service: 'ok' } as const;
        this.change(id, 'status', { status: 'available', signals, routable: true }, 'heartbeat');
      }
    }
  }

  #row(id: string, member: Member, now: number): unknown[] {
    const silence = now - this.#lastBeat(member, now);
    const phi = arrivalModels.normal.phi(silence, PERIOD, STD_DEV);
    const peak = Math.max(phi, arrivalModels.normal.phi(PERIOD, PERIOD, STD_DEV));
    const weight = member.view.routable ? 1 : 0;
    return [id, phi, peak, silence, PERIOD, STD_DEV, TOLERATED - silence, weight];
  }

  #frame(): void {
    if (!this.frames) return;
    const now = performance.now();
    const rows = Array.from(this.#members, ([id, member]) => this.#row(id, member, now));
    this.say('frame', JSON.stringify({ at: now, wall: this.#wall(), rows }));
  }

  #detail(member: Member): object {
    const now = performance.now();
    const [, phi, , silence] = this.#row(member.view.id, member, now);
    const samples = Array.from({ length: 120 }, (_, i) => PERIOD + 30 * Math.sin(i * 1.7));
    const service = {
      peer: member.view.id,
      phi,
      silence,
      mean: PERIOD,
      stdDev: 21,
      stdDevUsed: STD_DEV,
      floor: 'relative',
      sampleCount: samples.length,
      model: 'normal',
      threshold: THRESHOLD,
      suspectAt: now + TOLERATED - Number(silence),
      flaps: 0,
      restarts: 0,
      loss: { received: 120, lost: 3, rate: 3 / 123 },
    };
    return {
      instance: member.view,
      service,
      lease: { expiresIn: member.view.ttl - Number(silence) },
      weight: member.view.routable ? 1 : 0,
      held: [],
      history: member.history,
      intervals: { samples, mean: PERIOD, stdDev: 21, model: 'normal' },
      thresholds: [1, 3, THRESHOLD],
    };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const method = request.method ?? 'GET';
    this.requests.push(`${method} ${request.url}`);
    const file = FILES[pathname];
    if (method === 'GET' && file !== undefined) {
      const [name, type] = file;
      response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP });
      response.end(readFileSync(join(root, 'dist/dashboard', name)));
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
    const json = (status: number, value: unknown, headers = {}) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(value));
    };
    const error = (status: number, message: string) =>
      json(status, { error: { code: 'test', message } });
    const { token, demo = false } = this.#options;
    if (method === 'POST' && pathname === '/session') {
      if (body.token !== token) return error(401, 'no such token');
      return json(200, {}, { 'set-cookie': 'session=yes; HttpOnly; SameSite=Strict; Path=/' });
    }
    if (token !== undefined && request.headers.cookie !== 'session=yes') {
      return error(401, 'no token');
    }
    if (pathname === '/session') {
      const headers = method === 'DELETE' ? { 'set-cookie': 'session=; Max-Age=0; Path=/' } : {};
      return json(200, { role: 'operator', demo, cookie: token !== undefined }, headers);
    }
    if (pathname === '/protection') return json(200, this.protection);
    if (pathname === '/events') return this.#stream(response);
    const [, room, name, action] = pathname.split('/');
    const member = this.#members.get(decodeURIComponent(name ?? ''));
    if (member === undefined) return error(404, `no instance ${name}`);
    if (method === 'POST') return this.#act(member.view.id, room, action, { json, error });
    json(200, this.#detail(member));
  }

  #act(
    id: string,
    room: string,
    action: string,
    { json, error }: Record<'json' | 'error', (status: number, what: never) => void>,
  ): void {
    if (room === 'demo' && action === 'kill') this.kill(id);
    else if (room === 'demo' && action === 'start') this.#members.get(id)!.silentFrom = Infinity;
    else if (room === 'instances' && (action === 'drain' || action === 'undrain')) {
      const draining = action === 'drain';
      this.change(id, 'draining', { draining, routable: !draining }, 'operator');
    } else {
      error(409, `cannot ${action} <i>${id}</i>` as never);
      return;
    }
    json(200, { status: 'done' } as never);
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const instances = Array.from(this.#members.values(), ({ view }) => view);
    const data = JSON.stringify({ revision: this.#revision, instances });
    response.write(`id: ${EPOCH}-${this.#revision}\nevent: snapshot\ndata: ${data}\n\n`);
    this.#streams.add(response);
    response.on('close', () => this.#streams.delete(response));
  }
}
