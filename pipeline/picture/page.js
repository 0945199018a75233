"use strict";
// One frame's faces and points in WebGL 2. Metres, x forward, y left, z up.

const $ = (query) => document.querySelector(query);
const data = JSON.parse($("#data").textContent);
const canvas = $("canvas"), note = $("footer");
const hint = note.textContent;
const gl = canvas.getContext("webgl2", { antialias: true, preserveDrawingBuffer: true });

const FACE_VERTEX = `#version 300 es
layout(location = 0) in vec3 voxel;
layout(location = 1) in vec3 look;     // direction 0-5, class, brightness
uniform mat4 clip_from_grid; uniform vec3 low; uniform float edge; uniform sampler2D palette; uniform bool picking;
out vec3 colour; out vec2 place;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  int axis = int(look.x) >> 1; float side = float(int(look.x) & 1);
  vec3 at = axis == 0 ? vec3(side, corner) : axis == 1 ? vec3(corner.x, side, corner.y) : vec3(corner, side);
  vec4 shown = texelFetch(palette, ivec2(int(look.y), 0), 0);
  colour = picking
    ? vec3(gl_InstanceID & 255, (gl_InstanceID >> 8) & 255, (gl_InstanceID >> 16) & 255) / 255.0
    : shown.rgb * look.z / 200.0;
  place = corner;
  gl_Position = shown.a > 0.5 ? clip_from_grid * vec4(low + (voxel + at) * edge, 1) : vec4(2, 2, 2, 1);
}`;
const FACE_FRAGMENT = `#version 300 es
precision highp float;
in vec3 colour; in vec2 place; uniform bool picking; out vec4 result;
void main() {
  vec2 rim = min(place, 1.0 - place) / fwidth(place);
  float line = picking ? 1.0 : mix(0.78, 1.0, clamp(min(rim.x, rim.y), 0.0, 1.0));
  // Where voxels are smaller than their rims only the rims would show.
  float near = clamp(2.0 - 8.0 * max(fwidth(place.x), fwidth(place.y)), 0.0, 1.0);
  result = vec4(colour * mix(picking ? 1.0 : 0.92, line, near), 1);
}`;
const POINT_VERTEX = `#version 300 es
layout(location = 0) in vec3 place; layout(location = 1) in vec3 rgb; layout(location = 2) in float kind;
uniform mat4 clip_from_grid; uniform vec3 low; uniform vec3 step; uniform float size; uniform sampler2D palette;
out vec3 colour;
void main() {
  colour = rgb;
  gl_PointSize = size;
  bool hidden = texelFetch(palette, ivec2(int(kind), 0), 0).a < 0.5;
  gl_Position = hidden ? vec4(2, 2, 2, 1) : clip_from_grid * vec4(low + place * step, 1);
  gl_Position.z -= 0.0004 * gl_Position.w;   // returns lie in their voxels: drawn a little nearer, they show
}`;
const POINT_FRAGMENT = `#version 300 es
precision highp float;
in vec3 colour; out vec4 result;
void main() { if (distance(gl_PointCoord, vec2(0.5)) > 0.5) discard; result = vec4(colour, 1); }`;

function program(vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text); gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  const at = {};
  for (let i = 0; i < gl.getProgramParameter(made, gl.ACTIVE_UNIFORMS); i++) {
    const { name } = gl.getActiveUniform(made, i);
    at[name] = gl.getUniformLocation(made, name);
  }
  return { made, at };
}

async function unpacked(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

function buffer(values, places, instanced) {
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  for (const [location, width, type, normal, stride, offset] of places) {
    gl.enableVertexAttribArray(location);
    gl.vertexAttribPointer(location, width, type, normal, stride, offset);
    gl.vertexAttribDivisor(location, instanced ? 1 : 0);
  }
}

// -- camera: turns about a target ------------------------------------------------------------------------------------

const FOCAL = 1.9;   // over half the picture's shorter side
const grid = data.grid, reach = Math.max(...grid.shape.slice(0, 2)) * grid.voxel_m;
const VIEWS = {
  behind: { yaw: 0.3, pitch: 0.55, distance: 1.05 * reach, target: [data.ego_m[0] + 0.03 * reach, data.ego_m[1], data.ego_m[2]] },
  above: { yaw: 0, pitch: 1.5, distance: 1.3 * reach, target: [...data.ego_m] },
  ego: { yaw: 0, pitch: 0.16, distance: 9, target: [data.ego_m[0] + 4, data.ego_m[1], data.ego_m[2] + 1.5] },
};
let camera = structuredClone(VIEWS.behind);

function directions() {
  const [cy, sy, cp, sp] = [Math.cos(camera.yaw), Math.sin(camera.yaw), Math.cos(camera.pitch), Math.sin(camera.pitch)];
  return { ahead: [cp * cy, cp * sy, -sp], right: [sy, -cy, 0], up: [sp * cy, sp * sy, cp] };
}

function clipFromGrid() {
  const { ahead, right, up } = directions();
  const eye = camera.target.map((value, i) => value - ahead[i] * camera.distance);
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const near = Math.max(camera.distance / 400, 0.1), far = camera.distance + 3 * reach;
  const wide = canvas.width / canvas.height;
  const x = FOCAL / Math.max(wide, 1), y = x * wide, a = (far + near) / (far - near), b = (-2 * far * near) / (far - near);
  const rows = [
    [...right.map((v) => v * x), -dot(right, eye) * x], [...up.map((v) => v * y), -dot(up, eye) * y],
    [...ahead.map((v) => v * a), -dot(ahead, eye) * a + b], [...ahead, -dot(ahead, eye)],
  ];
  return new Float32Array([0, 1, 2, 3].flatMap((column) => rows.map((row) => row[column])));
}

// -- drawing ---------------------------------------------------------------------------------------------------------

let faces, points, palette, faceProgram, pointProgram, target, asked = false;
const hidden = new Set();

function redraw() {
  if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; draw(); }); }
}

function setPalette() {
  const texels = new Uint8Array(256 * 4);
  data.colours.forEach((rgb, id) => texels.set([...rgb, hidden.has(id) ? 0 : 255], 4 * id));
  gl.bindTexture(gl.TEXTURE_2D, palette);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
}

function drawFaces(matrix, picking) {
  if (!$("#voxels").checked) return;
  gl.useProgram(faceProgram.made);
  gl.uniformMatrix4fv(faceProgram.at.clip_from_grid, false, matrix);
  gl.uniform3fv(faceProgram.at.low, grid.min_m);
  gl.uniform1f(faceProgram.at.edge, grid.voxel_m);
  gl.uniform1i(faceProgram.at.picking, picking);
  gl.bindVertexArray(faces.arrays);
  gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, data.faces);
}

function draw() {
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * scale), Math.round(canvas.clientHeight * scale)];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  gl.viewport(0, 0, width, height);
  gl.clearColor(0.11, 0.122, 0.149, 1);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  gl.enable(gl.DEPTH_TEST);
  const matrix = clipFromGrid();
  drawFaces(matrix, false);
  if ($("#points").checked) {
    gl.useProgram(pointProgram.made);
    gl.uniformMatrix4fv(pointProgram.at.clip_from_grid, false, matrix);
    gl.uniform3fv(pointProgram.at.low, grid.min_m);
    gl.uniform3fv(pointProgram.at.step, data.point_step_m);
    gl.uniform1f(pointProgram.at.size, Number($("#size").value) * scale);
    gl.bindVertexArray(points.arrays);
    gl.drawArrays(gl.POINTS, 0, data.points);
  }
  document.body.dataset.drawn = Number(document.body.dataset.drawn || 0) + 1;
}

function pick(x, y) {
  const scale = window.devicePixelRatio || 1;
  const [px, py] = [Math.round(x * scale), canvas.height - 1 - Math.round(y * scale)];
  gl.bindFramebuffer(gl.FRAMEBUFFER, target.buffer);
  for (const [kind, format] of [["colour", gl.RGBA8], ["depth", gl.DEPTH_COMPONENT24]]) {
    gl.bindRenderbuffer(gl.RENDERBUFFER, target[kind]);
    gl.renderbufferStorage(gl.RENDERBUFFER, format, canvas.width, canvas.height);
  }
  gl.enable(gl.SCISSOR_TEST); gl.scissor(px, py, 1, 1);
  gl.clearColor(1, 1, 1, 1); gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  drawFaces(clipFromGrid(), true);
  const seen = new Uint8Array(4);
  gl.readPixels(px, py, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, seen);
  gl.disable(gl.SCISSOR_TEST); gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  const face = seen[0] | (seen[1] << 8) | (seen[2] << 16);
  return face < data.faces ? face : null;
}

function tell(face) {
  note.replaceChildren();
  if (face === null) { note.textContent = hint; return; }
  const turned = [...faces.voxels.subarray(3 * face, 3 * face + 3)], id = faces.looks[3 * face + 1];
  const stored = [0, 0, turned[2]];
  [data.forward, data.left].forEach((axis, i) => {
    stored["xy".indexOf(axis[1])] = axis[0] === "+" ? turned[i] : grid.shape[i] - 1 - turned[i];
  });
  const metres = turned.map((v, i) => (grid.min_m[i] + (v + 0.5) * grid.voxel_m - data.ego_m[i]).toFixed(1));
  const name = document.createElement("b");
  name.textContent = data.names[id] ?? "no label";
  note.append(name, `, voxel [${stored.join(", ")}], ${metres[0]} m ahead, ${metres[1]} m to the left, ${metres[2]} m up from the vehicle`);
}

// -- what a person does ----------------------------------------------------------------------------------------------

function listClasses() {
  $("#voxel-count").textContent = data.voxels.toLocaleString("en");
  $("#point-count").textContent = data.points.toLocaleString("en");
  for (const { id, name, voxels } of data.legend) {
    const row = document.createElement("label"), box = document.createElement("input");
    const swatch = document.createElement("span"), count = document.createElement("span");
    box.type = "checkbox"; box.checked = true;
    box.onchange = () => {
      // What has no class may carry any id without one.
      for (const each of id === 255 ? data.unlabelled : [id]) box.checked ? hidden.delete(each) : hidden.add(each);
      setPalette(); redraw();
    };
    swatch.className = "swatch"; swatch.style.background = `rgb(${data.colours[id]})`;
    count.className = "count"; count.textContent = voxels.toLocaleString("en");
    row.append(box, swatch, name, count);
    $("#classes").append(row);
  }
}

function listen() {
  const held = new Map();
  let moved = 0, spread = 0;
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, event); moved = 0; spread = 0;
  };
  canvas.onpointerup = canvas.onpointercancel = (event) => {
    held.delete(event.pointerId);
    if (event.type === "pointerup" && moved < 4 && event.button === 0) tell(pick(event.offsetX, event.offsetY));
  };
  canvas.onpointermove = (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    held.set(event.pointerId, event); moved += Math.abs(dx) + Math.abs(dy);
    if (held.size === 2) {
      const [a, b] = [...held.values()], now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      if (spread) zoom(spread / now);
      spread = now;
    } else if (event.buttons & 2 || event.shiftKey) {
      const { right, up } = directions(), metres = 2 * camera.distance / (FOCAL * Math.min(canvas.clientWidth, canvas.clientHeight));
      camera.target = camera.target.map((v, i) => v - (right[i] * dx - up[i] * dy) * metres);
    } else {
      camera.yaw -= dx * 0.006;
      camera.pitch = Math.min(Math.max(camera.pitch + dy * 0.006, -0.2), 1.55);
    }
    redraw();
  };
  canvas.addEventListener("wheel", (event) => { event.preventDefault(); zoom(Math.exp(event.deltaY * 0.0012)); }, { passive: false });
  for (const button of document.querySelectorAll("button")) {
    button.onclick = () => { camera = structuredClone(VIEWS[button.dataset.view]); redraw(); };
  }
  for (const id of ["#voxels", "#points", "#size"]) $(id).oninput = redraw;
  window.onresize = redraw;
}

function zoom(factor) {
  camera.distance = Math.min(Math.max(camera.distance * factor, 2), 4 * reach);
  redraw();
}

async function main() {
  if (!gl) throw new Error("this browser offers no WebGL 2, which the page draws with");
  const [faceBytes, pointBytes] = [await unpacked(data.face_bytes), await unpacked(data.point_bytes)];
  faceProgram = program(FACE_VERTEX, FACE_FRAGMENT); pointProgram = program(POINT_VERTEX, POINT_FRAGMENT);
  palette = gl.createTexture(); setPalette();
  faces = { arrays: gl.createVertexArray(), voxels: new Uint16Array(faceBytes, 0, 3 * data.faces), looks: new Uint8Array(faceBytes, 6 * data.faces) };
  gl.bindVertexArray(faces.arrays);
  buffer(faces.voxels, [[0, 3, gl.UNSIGNED_SHORT, false, 0, 0]], true);
  buffer(faces.looks, [[1, 3, gl.UNSIGNED_BYTE, false, 0, 0]], true);
  points = { arrays: gl.createVertexArray() };
  gl.bindVertexArray(points.arrays);
  buffer(new Uint16Array(pointBytes, 0, 3 * data.points), [[0, 3, gl.UNSIGNED_SHORT, false, 0, 0]], false);
  buffer(new Uint8Array(pointBytes, 6 * data.points), [[1, 3, gl.UNSIGNED_BYTE, true, 4, 0], [2, 1, gl.UNSIGNED_BYTE, false, 4, 3]], false);
  target = { buffer: gl.createFramebuffer(), colour: gl.createRenderbuffer(), depth: gl.createRenderbuffer() };
  gl.bindFramebuffer(gl.FRAMEBUFFER, target.buffer);
  for (const [kind, format, place] of [["colour", gl.RGBA8, gl.COLOR_ATTACHMENT0], ["depth", gl.DEPTH_COMPONENT24, gl.DEPTH_ATTACHMENT]]) {
    gl.bindRenderbuffer(gl.RENDERBUFFER, target[kind]);
    gl.renderbufferStorage(gl.RENDERBUFFER, format, 1, 1);
    gl.framebufferRenderbuffer(gl.FRAMEBUFFER, place, gl.RENDERBUFFER, target[kind]);
  }
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  listClasses(); listen(); draw();
  document.body.dataset.ready = "yes";
}

main().catch((error) => { note.textContent = `The frame cannot be drawn: ${error.message}`; document.body.dataset.ready = "no"; });
