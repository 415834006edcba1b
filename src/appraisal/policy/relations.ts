/** Relations between the members of a policy, which types alone cannot say. */
import * as v from 'valibot'

/** What each relation says in JSON Schema, for whoever validates policies without this tool. */
const FORMS = new WeakMap<object, object>()
export const jsonFormOf = (action: object): object | undefined => FORMS.get(action)

/** A relation between members, with its form in JSON Schema. */
export function relation<T>(holds: (value: T) => boolean, message: string, form: object) {
  const action = v.check(holds, message)
  FORMS.set(action, form)
  return action
}
export const required = (...keys: readonly string[]): object => ({required: keys})

/** Where `condition` holds, `consequence` does. */
export const implies = (condition: object, consequence: object): object => ({anyOf: [{not: condition}, consequence]})

/** Exactly one of `keys` must be given. */
export const oneOf = <T extends object>(...keys: readonly string[]) =>
  relation(
    (value: T) => keys.filter(key => key in value).length === 1,
    `exactly one of ${keys.join(', ')} must be given`,
    {oneOf: keys.map(key => required(key))},
  )
export const notEmpty = <T extends object>() =>
  relation((value: T) => Object.keys(value).length > 0, 'at least one member must be given', {minProperties: 1})
/** Where `member` is one of `values`, `key` must be given too. */
export const needs = <T extends object>(member: keyof T & string, values: readonly string[], key: string) =>
  relation(
    (value: T) => !values.includes(String(value[member])) || key in value,
    `${member} ${values.join(' or ')} needs ${key}`,
    implies({properties: {[member]: {enum: values}}}, required(key)),
  )
