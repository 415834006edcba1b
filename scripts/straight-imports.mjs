/**
 * An esbuild plugin: what is imported through an `index.ts` is imported from the file that defines it. A bundler that
 * splits code takes everything behind such a door for needed wherever the door is named, so that each command would load
 * all of every room it uses. Loading our modules does nothing else (`sideEffects` of package.json): the way to a name
 * does not matter.
 */
import {readdirSync} from 'node:fs'
import {dirname, join, resolve} from 'node:path'
import {buildSync} from 'esbuild'

const IMPORT = /^import \{([^}]*)\} from "(\.[^"]*)";$/gm
const EXPORT = /^export \{([^}]*)\};$/gm
const EXPORT_ALL = /^export \* from "(\.[^"]*)";$/gm

const sourceOf = (file, specifier) => resolve(dirname(file), specifier).replace(/\.js$/, '.ts')

/** `a, b as c` gives [[a, a], [b, c]]. */
const names = list =>
  list
    .split(',')
    .map(item => item.trim().split(' as '))
    .filter(([name]) => name !== '')
    .map(([name, as = name]) => [name, as])

/** Every source below `root/src` without its types, and the names it exports itself. */
function scriptsOf(root) {
  const files = readdirSync(join(root, 'src'), {recursive: true}).filter(file => /\.tsx?$/.test(file))
  const {metafile, outputFiles} = buildSync({
    absWorkingDir: root,
    entryPoints: files.map(file => join('src', file)),
    outdir: 'straight',
    write: false,
    metafile: true,
    format: 'esm',
    jsx: 'automatic',
    target: 'node20.19',
  })
  const texts = new Map(outputFiles.map(({path, text}) => [path, text]))
  return new Map(
    Object.entries(metafile.outputs).map(([path, {entryPoint, exports}]) => [
      join(root, entryPoint),
      {code: texts.get(join(root, path)), exports},
    ]),
  )
}

export function straightImports(root) {
  const scripts = scriptsOf(root)
  const tables = new Map()

  /** Where each name that `file` exports is defined: [file, name there]. */
  function exportsOf(file) {
    const known = tables.get(file)
    if (known !== undefined) return known
    const {code, exports} = scripts.get(file)
    const table = new Map(exports.map(name => [name, [file, name]]))
    tables.set(file, table)
    // `export {x} from` has become an import, and an export of what was imported
    const imported = new Map(
      [...code.matchAll(IMPORT)].flatMap(([, list, from]) => names(list).map(([name, as]) => [as, {name, from}])),
    )
    for (const [, list] of code.matchAll(EXPORT))
      for (const [local, as] of names(list)) {
        const source = imported.get(local)
        if (source !== undefined) table.set(as, exportsOf(sourceOf(file, source.from)).get(source.name))
      }
    for (const [, from] of code.matchAll(EXPORT_ALL))
      for (const [name, place] of exportsOf(sourceOf(file, from))) if (!table.has(name)) table.set(name, place)
    return table
  }

  const straight = file =>
    scripts.get(file).code.replaceAll(IMPORT, (statement, list, from) => {
      const door = sourceOf(file, from)
      if (!door.endsWith('/index.ts')) return statement
      const statements = names(list).map(([name, as]) => {
        const [place, there] = exportsOf(door).get(name)
        return `import { ${there} as ${as} } from ${JSON.stringify(place)};`
      })
      return statements.join('\n')
    })

  return {
    name: 'straight-imports',
    setup(bundler) {
      bundler.onLoad({filter: /\.tsx?$/}, ({path}) =>
        scripts.has(path) ? {contents: straight(path), loader: 'js'} : undefined,
      )
    },
  }
}
