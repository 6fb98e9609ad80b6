/** What `GET /instances/:id` answered, and the sentences that explain it. */
import { counted, duration, interval, phi, share } from './format.js';
import type { Fit } from './histogram.js';
import { type Entry, wordsOf } from './log.js';
import { fieldsOf, type Instance, listOf, numberOf, readInstance, textOf } from './messages.js';
import { heldWords, lookOf, signalWords } from './words.js';

/** Of a signal's detector: core's Explanation, as far as it is shown. */
export interface SignalDetail {
  readonly phi: number | undefined;
  readonly silence: number | undefined;
  readonly mean: number | undefined;
  readonly stdDev: number | undefined;
  readonly stdDevUsed: number | undefined;
  readonly floor: string | undefined;
  readonly sampleCount: number | undefined;
  readonly model: string | undefined;
  readonly threshold: number | undefined;
  readonly supportedPhi: number | undefined;
  readonly flaps: number;
  readonly restarts: number;
  readonly lost: number;
  readonly received: number;
}

export interface Detail {
  readonly instance: Instance | undefined;
  readonly service: SignalDetail | undefined;
  readonly process: SignalDetail | undefined;
  /** Polls that it missed in a row; undefined where it is not polled. */
  readonly missed: number | undefined;
  /** A poll did not get as far as to it. */
  readonly unreached: boolean;
  readonly expiresIn: number | undefined;
  readonly weight: number | undefined;
  readonly held: readonly string[];
  /** What it says of itself, such as its load. */
  readonly figures: readonly (readonly [name: string, value: number])[];
  readonly history: readonly Entry[];
  readonly samples: readonly number[];
  readonly fit: Fit;
  /** Rising, without what is no level. */
  readonly thresholds: readonly number[];
}

function readSignal(value: unknown): SignalDetail | undefined {
  const from = fieldsOf(value);
  if (from === undefined) return undefined;
  const loss = fieldsOf(from.loss);
  return {
    phi: numberOf(from.phi),
    silence: numberOf(from.silence),
    mean: numberOf(from.mean),
    stdDev: numberOf(from.stdDev),
    stdDevUsed: numberOf(from.stdDevUsed),
    floor: textOf(from.floor),
    sampleCount: numberOf(from.sampleCount),
    model: textOf(from.model),
    threshold: numberOf(from.threshold),
    supportedPhi: numberOf(from.supportedPhi),
    flaps: numberOf(from.flaps) ?? 0,
    restarts: numberOf(from.restarts) ?? 0,
    lost: numberOf(loss?.lost) ?? 0,
    received: numberOf(loss?.received) ?? 0,
  };
}

/** An entry of the service's own history of an instance; undefined without a time and a kind. */
function readPast(value: unknown): Entry | undefined {
  const from = fieldsOf(value);
  const at = numberOf(from?.at);
  const kind = textOf(from?.kind);
  if (at === undefined || kind === undefined) return undefined;
  const status = textOf(from?.status) ?? 'unknown';
  const told = {
    status,
    generation: numberOf(from?.generation),
    draining: from?.draining === true,
    routable: from?.routable === true,
  };
  const text = wordsOf(kind, told, textOf(from?.reason));
  const tone = kind === 'status' ? lookOf(status).tone : 'quiet';
  return { at, id: undefined, text, tone };
}

/** Levels of φ, given as a list or by name. */
export function readThresholds(value: unknown): number[] {
  const given = Array.isArray(value) ? value : Object.values(fieldsOf(value) ?? {});
  const levels = given.map(numberOf).filter((level) => level !== undefined && level > 0);
  return [...new Set(levels as number[])].sort((a, b) => a - b);
}

export function readDetail(value: unknown): Detail {
  const from = fieldsOf(value) ?? {};
  const intervals = fieldsOf(from.intervals);
  const service = readSignal(from.service);
  const process = readSignal(from.process);
  const judged = service ?? process;
  const samples = listOf(intervals?.samples).map(numberOf);
  const thresholds = readThresholds(from.thresholds);
  const probe = fieldsOf(from.probe);
  return {
    instance: readInstance(from.instance),
    service,
    process,
    missed: numberOf(probe?.missed),
    unreached: probe?.unreached === true,
    expiresIn: numberOf(fieldsOf(from.lease)?.expiresIn),
    weight: numberOf(from.weight),
    held: listOf(from.held).flatMap((each) => textOf(each) ?? []),
    figures: Object.entries(fieldsOf(from.figures) ?? {}).flatMap(([name, value]) => {
      const figure = numberOf(value);
      return figure === undefined ? [] : [[name, figure] as const];
    }),
    history: listOf(from.history).flatMap((each) => readPast(each) ?? []),
    samples: samples.filter((each) => each !== undefined),
    fit: {
      model: textOf(intervals?.model) ?? judged?.model,
      mean: numberOf(intervals?.mean) ?? judged?.mean,
      // φ is computed with the floored one, and that is the model which is shown.
      stdDev: judged?.stdDevUsed ?? numberOf(intervals?.stdDev) ?? judged?.stdDev,
    },
    thresholds: thresholds.length > 0 ? thresholds : readThresholds([judged?.threshold]),
  };
}

function signalSentences(name: string, signal: SignalDetail): string[] {
  const { mean, stdDev, stdDevUsed, floor, sampleCount, model, threshold, silence } = signal;
  const said: string[] = [];
  if (silence === undefined) said.push(`${name}: not heard yet.`);
  else said.push(`${name}: silent for ${duration(silence)}, φ ${phi(signal.phi)}.`);
  if (mean !== undefined) {
    const spread = stdDev === undefined ? '' : ` ± ${interval(stdDev)}`;
    const learnt = sampleCount === undefined ? '' : `, from ${counted(sampleCount, 'interval')}`;
    said.push(`Heartbeats come every ${interval(mean)}${spread}${learnt}.`);
  }
  if (floor !== undefined) {
    said.push(`σ is raised to its ${floor} floor of ${interval(stdDevUsed)}.`);
  }
  if (threshold !== undefined) {
    said.push(`The ${model ?? 'unknown'} model suspects it at φ ${phi(threshold)}.`);
  }
  if (signal.supportedPhi !== undefined) {
    said.push(`What it has learnt itself reaches up to φ ${phi(signal.supportedPhi)}.`);
  }
  if (signal.lost > 0) {
    const all = signal.lost + signal.received;
    said.push(`${signal.lost} of ${all} heartbeats were lost (${share(signal.lost / all)}).`);
  }
  if (signal.restarts > 0) said.push(`${counted(signal.restarts, 'restart')} seen.`);
  if (signal.flaps > 0) {
    const often = counted(signal.flaps, 'return');
    said.push(`${often} from suspicion of late: it must beat in time for longer.`);
  }
  return said;
}

/** Statuses that alone would leave an instance among the targets. */
const SERVING = new Set(['available', 'overloaded', 'probe-failing']);

/** Paragraphs, the conclusion first. */
export function sentencesOf(detail: Detail, instance: Instance): string[] {
  const { signals, draining } = instance;
  const conclusion = [lookOf(instance.status).means];
  if (draining) conclusion.push('It is draining: asked to go, and gets no traffic.');
  const isServing = SERVING.has(instance.status);
  if (isServing && !instance.routable && !draining)
    conclusion.push('For its own sake it is not among the targets.');
  const states = `Process: ${signalWords(signals.process)}. Service: ${signalWords(signals.service)}.`;
  const paragraphs = [conclusion.join(' '), states];
  if (detail.service) paragraphs.push(signalSentences('Service signal', detail.service).join(' '));
  if (detail.process) paragraphs.push(signalSentences('Process signal', detail.process).join(' '));
  if (detail.missed !== undefined) {
    const reached = detail.unreached
      ? ' At present it cannot be polled, which is not its fault.'
      : '';
    paragraphs.push(`It missed ${counted(detail.missed, 'poll')} in a row.${reached}`);
  }
  if (detail.figures.length > 0) {
    const said = detail.figures.map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`);
    paragraphs.push(`It says of itself: ${said.join(', ')}.`);
  }
  if (detail.held.length > 0) {
    paragraphs.push(`What stands in the way: ${detail.held.map(heldWords).join('; ')}.`);
  }
  if (detail.expiresIn !== undefined) {
    const lease =
      detail.expiresIn > 0
        ? `Its lease ends in ${duration(detail.expiresIn)} unless it is heard.`
        : 'Its lease has run out: it is a candidate for removal.';
    paragraphs.push(lease);
  }
  return paragraphs;
}
