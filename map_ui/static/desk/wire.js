/**
 * The binary frames of the live channel.
 *
 * One frame of positions, little-endian:
 *
 *   u8 kind=1 · u8 version=1 · u16 reserved · u32 count
 *   u32 number[count] · f32 lon[count] · f32 lat[count]
 *   u16 speed_kmh × 10 [count] · u16 course_deg × 10 [count]
 *   u32 at, seconds since 1970 [count] · u8 flags[count]
 *
 * Every array is padded to four bytes, so each is read in place without copying.
 */

export const POSITIONS = 1;
export const VERSION = 1;

export const VALID = 1;
export const IGNITION = 2;
export const BUFFERED = 4;
export const MOTION = 8;

/** What a speed or a course says when the device did not say. */
export const UNSAID = 0xffff;

/**
 * Positions as arrays of equal length, views into the frame.
 *
 * @param {ArrayBuffer} frame
 * @returns {{count: number, number: Uint32Array, lon: Float32Array, lat: Float32Array,
 *            speed: Uint16Array, course: Uint16Array, at: Uint32Array, flags: Uint8Array}|null}
 *          null for a kind or a version of frame that this page does not know
 * @throws {RangeError} the frame is shorter than its count says
 */
export function positions(frame) {
  const header = new DataView(frame);
  if (header.getUint8(0) !== POSITIONS || header.getUint8(1) !== VERSION) return null;
  const count = header.getUint32(4, true);
  let offset = 8;
  const take = (View) => {
    const view = new View(frame, offset, count);
    offset += Math.ceil(view.byteLength / 4) * 4;
    return view;
  };
  return {
    count,
    number: take(Uint32Array),
    lon: take(Float32Array),
    lat: take(Float32Array),
    speed: take(Uint16Array),
    course: take(Uint16Array),
    at: take(Uint32Array),
    flags: take(Uint8Array),
  };
}
