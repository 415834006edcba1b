/** The digest that a simulated vendor uses throughout. */
import {createHash} from 'node:crypto'

export const sha384 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash('sha384').update(bytes).digest())
