export {readRevocationMaterial, type RevocationMaterial} from './material.js'
