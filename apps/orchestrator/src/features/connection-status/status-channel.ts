/** Channel of LISTEN/NOTIFY that says a product's status has changed; the payload is the product's id. */
export const STATUS_CHANNEL = 'mqtt_status';
