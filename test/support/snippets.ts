/** The code in the documents, to be run as a reader would run it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './processes.js';

export interface Snippet {
  /** Where it stands, as `docs/events.md 2`: the second snippet of that file. */
  readonly name: string;
  readonly language: string;
  readonly code: string;
}

/** README.md and docs/*.md, from the root. */
export const documents: readonly string[] = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

export const textOf = (document: string): string => readFileSync(join(root, document), 'utf8');

/** The fenced code of all documents in one of `languages`. */
export function snippets(...languages: string[]): Snippet[] {
  return documents.flatMap((document) =>
    [...textOf(document).matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
      .map(([, language, code], i) => ({ name: `${document} ${i + 1}`, language, code }))
      .filter(({ language }) => languages.includes(language)),
  );
}

/** The targets of a document's relative links and pictures, from its own folder. */
export function relativeLinks(document: string): string[] {
  const prose = textOf(document).replace(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}
