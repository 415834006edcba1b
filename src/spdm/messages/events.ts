/** What a responder announces on its own: supported types, subscriptions, events (DSP0274 1.3, "Event mechanism"). */
import {array, bytes, layout, nested, NEXT, reserved, type Seen, u16, u32, u8} from '../../bits/index.js'
import {header} from './header.js'
import {STANDARDS_HEADER} from './standards-header.js'

const SPEC = 'DSP0274 1.3, "Event mechanism"'
const empty = {param1: reserved(2, 1), param2: reserved(3, 1)}

export const GET_SUPPORTED_EVENT_TYPES = layout(
  {id: 'spdm-get-supported-event-types', name: 'GET_SUPPORTED_EVENT_TYPES', spec: SPEC},
  {...header('GET_SUPPORTED_EVENT_TYPES'), ...empty},
)

/** The groups themselves are left as bytes. */
export const SUPPORTED_EVENT_TYPES = layout(
  {id: 'spdm-supported-event-types', name: 'SUPPORTED_EVENT_TYPES', spec: SPEC},
  {
    ...header('SUPPORTED_EVENT_TYPES'),
    eventGroupCount: u8(2, 'Param1: EventGroupCount'),
    param2: reserved(3, 1),
    supportedEventGroupsListLength: u32(4, 'SupportedEventGroupsListLen'),
    supportedEventGroupsList: bytes(NEXT, 'supportedEventGroupsListLength', 'SupportedEventGroupsList'),
  },
)

const someGroups = (seen: Seen): boolean => seen.subscribeEventGroupCount !== 0

/** Without groups the list and its length are left out: nothing is subscribed any more. */
export const SUBSCRIBE_EVENT_TYPES = layout(
  {id: 'spdm-subscribe-event-types', name: 'SUBSCRIBE_EVENT_TYPES', spec: SPEC},
  {
    ...header('SUBSCRIBE_EVENT_TYPES'),
    subscribeEventGroupCount: u8(2, 'Param1: SubscribeEventGroupCount; 0 ends every subscription'),
    param2: reserved(3, 1),
    subscribeListLength: u32(NEXT, 'SubscribeListLen', {when: someGroups}),
    subscribeList: bytes(NEXT, 'subscribeListLength', 'SubscribeList', {when: someGroups}),
  },
)

export const SUBSCRIBE_EVENT_TYPES_ACK = layout(
  {id: 'spdm-subscribe-event-types-ack', name: 'SUBSCRIBE_EVENT_TYPES_ACK', spec: SPEC},
  {...header('SUBSCRIBE_EVENT_TYPES_ACK'), ...empty},
)

export const EVENT = layout(
  {id: 'spdm-event', name: 'Event', spec: SPEC},
  {
    eventInstanceId: u32(0, 'EventInstanceID'),
    reserved4: reserved(4, 4),
    eventGroup: nested(NEXT, STANDARDS_HEADER, 'whose event it is'),
    eventTypeId: u16(NEXT, 'EventTypeId; of DMTF: 1 lost, 2 measurement changed, 3 will change, 4 certificate changed'),
    eventDetailLength: u16(NEXT, 'EventDetailLen'),
    eventDetail: bytes(NEXT, 'eventDetailLength', 'EventDetail'),
  },
)

/** Detail of EventLost. */
const EVENT_LOST = layout(
  {id: 'spdm-event-lost', name: 'EventLost detail', spec: SPEC},
  {lastAcknowledged: u32(0, 'LastAckedEventInstID'), lastLost: u32(4, 'LastLostEventInstID')},
)

/** Sent by the notifier of events: a responder wraps it in an encapsulated request. */
export const SEND_EVENT = layout(
  {id: 'spdm-send-event', name: 'SEND_EVENT', spec: SPEC},
  {
    ...header('SEND_EVENT'),
    ...empty,
    eventCount: u32(4, 'EventCount'),
    events: array(EVENT, 'eventCount', 'EventsList'),
  },
)

export const EVENT_ACK = layout(
  {id: 'spdm-event-ack', name: 'EVENT_ACK', spec: SPEC},
  {...header('EVENT_ACK'), ...empty},
)

export const EVENT_PARTS = [EVENT, EVENT_LOST]
