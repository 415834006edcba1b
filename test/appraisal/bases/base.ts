/**
 * Sound evidence of one kind, every part of which can be replaced: what a row of the suite starts from. A base is the
 * base before it with some parts replaced, so that replacing and sealing are written once.
 */
import type {Bundle} from '../../../src/evidence/index.js'
import {forge, type Forgery} from '../forge.js'
import {FACTS, type judge} from '../guest.js'
import {VCA} from './negotiation.js'

export interface Base {
  readonly name: string
  /** Its evidence with `forgery` in it; everything else is signed and digested accordingly. */
  forge(forgery?: Forgery): Promise<Bundle>
  /** The policy under which nothing stands against its evidence. */
  readonly document: object
  readonly circumstances?: Parameters<typeof judge>[2]
  /** What its policy decides: `review` where a rule of policies demands a person. */
  readonly decision: 'accept' | 'review'
}

/** `forgery` on top of the parts of a base. Objects are merged by member, so that a row names only what it changes. */
export const on = (own: Forgery, forgery: Forgery): Forgery => ({
  ...own,
  ...forgery,
  ...(own.transcript && {transcript: {...own.transcript, ...forgery.transcript}}),
  ...(own.pci && {pci: {...own.pci, ...forgery.pci}}),
  ...(own.collection && {collection: {...own.collection, ...forgery.collection}}),
  ...(own.facts && {facts: {...own.facts, ...forgery.facts}}),
  ...(own.tsm && {tsm: {...own.tsm, ...forgery.tsm}}),
  ...(own.digests && {digests: {...own.digests, ...forgery.digests}}),
  ...(own.objects && {objects: {...own.objects, ...forgery.objects}}),
})

/** The base whose evidence is that of G1 with `own` in it. */
export const baseOf = (
  name: string,
  own: Forgery,
  document: object,
  more: Partial<Pick<Base, 'circumstances' | 'decision'>> = {},
): Base => ({name, forge: (forgery = {}) => forge(VCA, FACTS, on(own, forgery)), document, decision: 'accept', ...more})
