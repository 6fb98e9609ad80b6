/** Which rules of protection are in force, in words. */
import { counted, duration, share } from './format.js';
import { fieldsOf, listOf, numberOf, textOf } from './messages.js';

export interface Notice {
  readonly rule: string;
  /** A sign of its own beside the words. */
  readonly icon: string;
  readonly title: string;
  readonly text: string;
}

const ICONS: Readonly<Record<string, string>> = {
  stall: '‖',
  'mass-silence': '≈',
  panic: '▲',
  removal: '◆',
  outliers: '◇',
  links: '✕',
  learning: '…',
};

export const iconOf = (rule: string): string => ICONS[rule] ?? '■';

const number = (value: unknown): string => String(numberOf(value) ?? 'some');

function removalText(from: Readonly<Record<string, unknown>>): string {
  const candidates = Array.isArray(from.candidates)
    ? from.candidates.length
    : numberOf(from.candidates);
  const parts = ['Nobody is taken out of the list for now.'];
  const reason = textOf(from.reason);
  if (reason !== undefined) parts.push(`Reason: ${reason}.`);
  if (candidates !== undefined) parts.push(`${counted(candidates, 'candidate')}.`);
  if (from.overdue15min === true) parts.push('For more than 15 minutes: an operator can force it.');
  return parts.join(' ');
}

/**
 * What `GET /protection` answered, as notices; none when all is as usual, or for what is unknown.
 *
 * @param stalled how long the stall lasted that is to be told of, in ms: it is over when it is noticed
 */
export function noticesOf(value: unknown, stalled?: number): Notice[] {
  const from = fieldsOf(value) ?? {};
  const notices: Notice[] = [];
  const add = (rule: string, title: string, text: string) =>
    notices.push({ rule, icon: iconOf(rule), title, text });
  if (stalled !== undefined) {
    const text = `The registry itself could not run for ${duration(stalled)}: that was no silence.`;
    add('stall', 'Stalled', text);
  }
  if (from.learning === true) {
    const text =
      'It started without what it knew before: nodes register again, and lists are not complete.';
    add('learning', 'Learning', text);
  }
  const silence = fieldsOf(from.massSilence);
  if (silence?.active === true) {
    const each = listOf(silence.silent).map(fieldsOf);
    for (const of of each.length > 0 ? each : [silence]) {
      const group = textOf(of?.group);
      const many = `${number(of?.overdue)} of ${number(of?.watched)} are overdue`;
      const title = group === undefined ? 'Mass silence' : `Mass silence: ${group}`;
      add('mass-silence', title, `${many}: suspicions are deferred.`);
    }
  }
  for (const each of listOf(from.panic)) {
    const panic = fieldsOf(each);
    const available = numberOf(panic?.available);
    const n = numberOf(panic?.n);
    const left = n ? ` (${share((available ?? 0) / n)})` : '';
    const text = `${number(available)} of ${number(n)} are available${left}: traffic goes by the rule for panic.`;
    add('panic', `Panic: ${textOf(panic?.service) ?? 'a service'}`, text);
  }
  const removal = fieldsOf(from.removal);
  if (removal?.frozen === true) add('removal', 'Removal frozen', removalText(removal));
  for (const each of listOf(from.outliers)) {
    const found = fieldsOf(each);
    const all = listOf(found?.standOut).flatMap((id) => textOf(id) ?? []);
    if (all.length === 0) continue;
    const out = listOf(found?.out).length;
    const figure = `${textOf(found?.figure) ?? 'A figure'} of ${all.slice(0, 3).join(', ')}`;
    const more = all.length > 3 ? ` and ${all.length - 3} more` : '';
    const text = `${figure}${more} is far from the others’. ${counted(out, 'instance')} taken out.`;
    add('outliers', `Outliers: ${textOf(found?.service) ?? 'a service'}`, text);
  }
  const links = fieldsOf(from.links);
  const down = numberOf(links?.down) ?? 0;
  const waiting = numberOf(links?.waiting) ?? 0;
  if (down > 0) {
    const text = `${counted(down, 'link')} down: who is heard over it is not suspected.`;
    add('links', 'Link down', text);
  }
  if (waiting > 0) {
    const text = `${counted(waiting, 'instance')} of before the restart not heard yet, and not suspected.`;
    add('links', 'Restored', text);
  }
  return notices;
}
