/** Instances that stand out from their service by a figure that they report: the fault is theirs. */
import { outliers } from '../health/outliers.js';
import type { Member } from './member.js';
import type { Membership } from './membership.js';
import type { Rule } from './scheduler.js';
import type { ServiceMembers } from './service-members.js';
import type { Comparison } from './views.js';

const EVERY = 5000;
const AT_MOST = 0.1;

/** NaN, which is left out, for what is no number: null would be 0. */
const figureOfBeat = ({ figures }: Member, figure: string): number => {
  const value: unknown = figures?.[figure];
  return typeof value === 'number' ? value : Number.NaN;
};

export class Comparisons implements Rule {
  readonly #membership: Membership;
  /** By service, of those that anybody stands out from. */
  #found = new Map<string, Comparison[]>();
  due = Infinity;

  constructor(membership: Membership) {
    this.#membership = membership;
    if (membership.options.outliers.size > 0) this.due = membership.now() + EVERY;
  }

  get found(): readonly Comparison[] {
    return [...this.#found.values()].flat();
  }

  run(now: number): void {
    this.due = now + EVERY;
    const found = new Map<string, Comparison[]>();
    for (const service of this.#membership.services.values()) {
      const ofService = this.#compare(service);
      if (ofService.length > 0) found.set(service.name, ofService);
    }
    const before = this.#found;
    this.#found = found;
    for (const service of new Set([...before.keys(), ...found.keys()])) {
      const active = found.has(service);
      if (active === before.has(service)) continue;
      const standOut = new Set(found.get(service)?.flatMap((each) => each.standOut)).size;
      const event = { rule: 'outliers', active, service, at: now, standOut } as const;
      this.#membership.events.post('protection', event);
    }
  }

  #compare(service: ServiceMembers): Comparison[] {
    const found: Comparison[] = [];
    const figureOf = new Map<Member, string>();
    let room = Math.trunc(AT_MOST * service.n); // for all figures together
    for (const [figure, options] of this.#membership.options.outliers) {
      // Who is not routed to may be idle, or warming up: no part of the service.
      const values = [...service.members.values()]
        .filter(({ counts, down }) => counts && !down)
        .map((member) => [member, figureOfBeat(member, figure)] as const);
      const { median, mad, standOut } = outliers(values, options);
      if (standOut.length === 0) continue;
      const out = standOut.filter((each) => figureOf.has(each) || room-- > 0);
      for (const each of out) figureOf.set(each, figureOf.get(each) ?? figure);
      const ids = (members: readonly Member[]) => members.map(({ id }) => id);
      found.push({
        service: service.name,
        figure,
        median,
        mad,
        standOut: ids(standOut),
        out: ids(out),
      });
    }
    for (const member of service.members.values()) {
      const figure = figureOf.get(member);
      if (figure === member.outlier) continue;
      this.#membership.update(
        member,
        'routing',
        figure ? `outlier: ${figure}` : 'no outlier',
        () => {
          member.outlier = figure;
        },
      );
    }
    return found;
  }
}
