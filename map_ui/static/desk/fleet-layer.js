/**
 * The live assets on the map, drawn by our own shader straight from the fleet's arrays.
 *
 * One point an asset, one call a frame: a hundred thousand assets that move every second cost a
 * few milliseconds, where the map library's own layers would re-tile them all. The shape says
 * the kind, the filling says the state, and an open alarm adds a ring, thin once it is taken:
 *
 *   vehicle     arrow along its course while it moves, square when it stands
 *   lone worker circle        senior  cross
 *   live filled · stale hollow · silent hollow and pale
 */

import { ORIGIN } from "./fleet.js";

const VERTEX = `#version 300 es
in vec2 place;
in float located;
in float kind;
in float state;
in float alarm;
in float course;
in float speed;
uniform mat4 matrix;
uniform float size;
uniform float bearing;
uniform int selected;
uniform bool alarmed;
flat out int shape;
flat out int look;
flat out int priority;
flat out int taken;
flat out int chosen;
flat out vec2 turn;
flat out float across;

void main() {
  bool here = located > 0.5 && (alarm > 0.5) == alarmed;
  gl_Position = here ? matrix * vec4(place, 0.0, 1.0) : vec4(2.0, 2.0, 2.0, 1.0);
  bool moving = kind < 0.5 && speed > 3.0 && course >= 0.0;
  shape = moving ? 3 : int(kind + 0.5);
  look = int(state + 0.5);
  priority = int(alarm + 0.5) & 7;
  taken = int(alarm + 0.5) >> 3;
  chosen = gl_VertexID == selected ? 1 : 0;
  float angle = moving ? radians(course) - bearing : 0.0;
  turn = vec2(cos(angle), sin(angle));
  across = size * (alarmed ? 2.6 : chosen == 1 ? 2.2 : 1.5);
  gl_PointSize = across;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in int shape;
flat in int look;
flat in int priority;
flat in int taken;
flat in int chosen;
flat in vec2 turn;
flat in float across;
uniform float size;
uniform float faded;
uniform vec3 live;
uniform vec3 stale;
uniform vec3 silent;
uniform vec3 outline;
uniform vec3 accent;
uniform vec3 rim;
uniform vec3 alarms[5];
out vec4 colour;

float box(vec2 p, vec2 half_size) {
  vec2 d = abs(p) - half_size;
  return length(max(d, 0.0)) + min(max(d.x, d.y), 0.0);
}

float arrow(vec2 p) {
  // A tall triangle with a notch: |x| folds it, two half planes and the notch bound it.
  p.x = abs(p.x);
  float side = dot(p - vec2(0.0, -0.62), normalize(vec2(1.16, -0.46)));
  float notch = dot(p - vec2(0.0, 0.30), normalize(vec2(-0.24, 0.46)));
  return max(side, notch);
}

float glyph(vec2 p) {
  if (shape == 3) return arrow(p);
  if (shape == 0) return box(p, vec2(0.30)) - 0.06;
  if (shape == 1) return length(p) - 0.42;
  return min(box(p, vec2(0.46, 0.19)), box(p, vec2(0.19, 0.46)));
}

void main() {
  // Units of one symbol: 0.5 is half its size, whatever room the ring around it takes.
  vec2 p = (gl_PointCoord - 0.5) * across / size;
  float pixel = 1.0 / size;
  vec2 turned = vec2(turn.x * p.x + turn.y * p.y, turn.x * p.y - turn.y * p.x);
  float d = glyph(turned);
  vec3 fill = look == 0 ? live : look == 1 ? stale : silent;
  if (priority > 0) fill = alarms[priority - 1];
  bool hollow = look > 0 && priority == 0;
  float inside = 1.0 - smoothstep(-pixel, 0.0, d);
  float border = 1.0 - smoothstep(0.10, 0.10 + pixel, d);
  float core = 1.0 - smoothstep(-0.10 - pixel, -0.10, d);
  vec3 paint = mix(outline, fill, inside);
  if (hollow) paint = mix(paint, outline, core);
  float alpha = border * (look == 2 && priority == 0 ? 0.7 : 1.0);
  if (priority > 0) {
    float ring = abs(length(p) - 0.98) - (taken > 0 ? 0.05 : 0.16);
    float around = ring - 1.2 * pixel;
    float on = 1.0 - smoothstep(-pixel, pixel, ring);
    float edge = 1.0 - smoothstep(-pixel, pixel, around);
    paint = mix(mix(paint, rim, edge * (1.0 - border)), alarms[priority - 1], on);
    alpha = max(alpha, edge);
  } else if (chosen == 1) {
    float on = 1.0 - smoothstep(0.0, pixel, abs(length(p) - 0.85) - 0.10);
    paint = mix(paint, accent, on * (1.0 - border));
    alpha = max(alpha, on);
  }
  if (alpha < 0.01) discard;
  vec3 grey = vec3(dot(paint, vec3(0.3, 0.6, 0.1)));
  colour = vec4(mix(paint, grey, faded), 1.0) * alpha * (1.0 - 0.45 * faded);
}`;

const ATTRIBUTES = [
  { name: "place", array: "xy", size: 2, type: "FLOAT" },
  { name: "located", array: "located", size: 1, type: "UNSIGNED_BYTE" },
  { name: "kind", array: "kind", size: 1, type: "UNSIGNED_BYTE" },
  { name: "state", array: "state", size: 1, type: "UNSIGNED_BYTE" },
  { name: "alarm", array: "alarm", size: 1, type: "UNSIGNED_BYTE" },
  { name: "course", array: "course", size: 1, type: "FLOAT" },
  { name: "speed", array: "speed", size: 1, type: "FLOAT" },
];

const COLOURS = ["live", "stale", "silent", "outline", "accent", "rim"];

/** A custom layer for MapLibre GL JS. */
export class FleetLayer {
  constructor(fleet) {
    this.id = "fleet";
    this.type = "custom";
    this.renderingMode = "2d";
    /** Slot of the asset that people look at, or null. */
    this.selected = null;
    /** Whether what is drawn may be out of date. */
    this.faded = false;
    this._fleet = fleet;
    this._drawn = -1;
    this._palette = null;
  }

  /** @param {Record<string, [number, number, number]>} palette with `alarms`, five of them */
  paint(palette) {
    this._palette = palette;
  }

  onAdd(map, gl) {
    this._map = map;
    this._program = linked(gl);
    this._uniforms = uniforms(gl, this._program);
    this._array = gl.createVertexArray();
    this._buffers = ATTRIBUTES.map(() => gl.createBuffer());
    this._drawn = -1;
    gl.bindVertexArray(this._array);
    ATTRIBUTES.forEach(({ name, size, type }, index) => {
      const location = gl.getAttribLocation(this._program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, this._buffers[index]);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl[type], false, 0, 0);
    });
    gl.bindVertexArray(null);
  }

  onRemove(_map, gl) {
    gl.deleteProgram(this._program);
    gl.deleteVertexArray(this._array);
    for (const buffer of this._buffers) gl.deleteBuffer(buffer);
  }

  render(gl, { defaultProjectionData }) {
    const fleet = this._fleet;
    if (fleet.count === 0 || this._palette === null) return;
    if (this._drawn !== fleet.revision) this._upload(gl);
    const on = this._uniforms;
    gl.useProgram(this._program);
    gl.bindVertexArray(this._array);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.DEPTH_TEST);
    gl.disable(gl.STENCIL_TEST);
    gl.uniformMatrix4fv(on.matrix, false, fromOrigin(defaultProjectionData.mainMatrix));
    gl.uniform1f(on.size, symbolSize(this._map.getZoom(), fleet.count) * devicePixelRatio);
    gl.uniform1f(on.bearing, (this._map.getBearing() * Math.PI) / 180);
    gl.uniform1f(on.faded, this.faded ? 1 : 0);
    gl.uniform1i(on.selected, this.selected ?? -1);
    for (const name of COLOURS) gl.uniform3fv(on[name], this._palette[name]);
    gl.uniform3fv(on.alarms, this._palette.alarms.flat());
    for (const alarmed of [0, 1]) {
      gl.uniform1i(on.alarmed, alarmed);
      gl.drawArrays(gl.POINTS, 0, fleet.count);
    }
    gl.bindVertexArray(null);
  }

  _upload(gl) {
    const fleet = this._fleet;
    ATTRIBUTES.forEach(({ array, size }, index) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, this._buffers[index]);
      gl.bufferData(gl.ARRAY_BUFFER, fleet[array].subarray(0, size * fleet.count), gl.DYNAMIC_DRAW);
    });
    this._drawn = fleet.revision;
  }
}

/** A fleet so large that an overview needs smaller symbols. */
const CROWD = 2000;

/** CSS pixels across, from an overview of the country to a street. */
function symbolSize(zoom, count) {
  const least = count > CROWD ? 8 : 11;
  return Math.min(24, Math.max(least, least + (zoom - 6.5) * 2));
}

/** The map's matrix for coordinates that count from the fleet's origin, in double precision. */
function fromOrigin(matrix) {
  const moved = new Float64Array(matrix);
  for (let row = 0; row < 4; row += 1) {
    moved[12 + row] += matrix[row] * ORIGIN.x + matrix[4 + row] * ORIGIN.y;
  }
  return new Float32Array(moved);
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [type, source] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
    throw new Error(`the map's shader does not link: ${gl.getProgramInfoLog(program)}`);
  }
  return program;
}

function uniforms(gl, program) {
  const names = ["matrix", "size", "bearing", "faded", "selected", "alarmed", ...COLOURS];
  const found = { alarms: gl.getUniformLocation(program, "alarms[0]") };
  for (const name of names) found[name] = gl.getUniformLocation(program, name);
  return found;
}
