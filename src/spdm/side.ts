/** Sides of a connection: the requester opens it and asks, the responder answers. */
export type Side = 'requester' | 'responder'
