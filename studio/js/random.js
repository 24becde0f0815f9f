// NumPy's random numbers: SeedSequence, PCG64 and the ziggurat, so that a seed gives the face that Python gives.
// O'Neill 2014, "PCG"; Marsaglia and Tsang 2000, "The ziggurat method"; numpy/random/bit_generator.pyx.

const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

// SeedSequence: spreads a seed and the numbers of a spawned child over a pool of four words.

function hasher(constant, multiplier) {
  return (value) => {
    value = (value ^ constant) >>> 0;
    constant = Math.imul(constant, multiplier) >>> 0;
    value = Math.imul(value, constant) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
}

function mix(x, y) {
  const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
  return (value ^ (value >>> 16)) >>> 0;
}

function seedPool(seed, child) {
  const words = [seed >>> 0];
  if (seed > 0xffffffff) words.push(Math.floor(seed / 2 ** 32));
  if (child !== null) {
    while (words.length < 4) words.push(0);
    words.push(child);
  }
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const pool = [0, 1, 2, 3].map((i) => hash(words[i] ?? 0));
  for (let source = 0; source < 4; source++) {
    for (let target = 0; target < 4; target++) {
      if (source !== target) pool[target] = mix(pool[target], hash(pool[source]));
    }
  }
  for (const word of words.slice(4)) {
    for (let target = 0; target < 4; target++) pool[target] = mix(pool[target], hash(word));
  }
  return pool;
}

function seedState(pool) {
  const hash = hasher(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 8 }, (_, i) => BigInt(hash(pool[i % 4])));
  const longs = [0, 2, 4, 6].map((i) => words[i] | (words[i + 1] << 32n));
  return { state: (longs[0] << 64n) | longs[1], stream: (longs[2] << 64n) | longs[3] };
}

// The ziggurat: 256 strips under the normal density.

const STRIPS = 256;
const LAST = 3.6541528853610087963519472518;
const AREA = 0.0049286732339746519;
const ziggurat = makeZiggurat();

function makeZiggurat() {
  const density = (x) => Math.exp(-0.5 * x * x);
  const edges = new Float64Array(STRIPS + 1); // edges[i]: the width of strip i
  edges[0] = AREA / density(LAST);
  edges[1] = LAST;
  for (let i = 2; i < STRIPS; i++) {
    edges[i] = Math.sqrt(-2 * Math.log(AREA / edges[i - 1] + density(edges[i - 1])));
  }
  // NumPy counts the strips from the base, 0, and then from the top, 1, to the one above the base, 255.
  const width = new Float64Array(STRIPS);
  const height = new Float64Array(STRIPS);
  const inside = new Float64Array(STRIPS);
  width[0] = edges[0];
  height[0] = 1;
  inside[0] = LAST / edges[0];
  for (let i = 1; i < STRIPS; i++) {
    const edge = edges[STRIPS - i];
    const next = i === 1 ? 0 : edges[STRIPS - i + 1];
    width[i] = edge;
    height[i] = density(edge);
    inside[i] = next / edge;
  }
  return { width, height, inside };
}

/** Random numbers as `numpy.random.default_rng(seed)` gives them; with `child`, of that spawned SeedSequence. */
export class Generator {
  constructor(seed, child = null) {
    const { state, stream } = seedState(seedPool(seed, child));
    this.increment = ((stream << 1n) | 1n) & MASK_128;
    this.state = 0n;
    this.step();
    this.state = (this.state + state) & MASK_128;
    this.step();
  }

  step() {
    this.state = (this.state * MULTIPLIER + this.increment) & MASK_128;
  }

  next64() {
    this.step();
    const folded = (this.state >> 64n) ^ (this.state & MASK_64);
    const turn = this.state >> 122n;
    return ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
  }

  /** A number in [0, 1). */
  random() {
    return Number(this.next64() >> 11n) / 2 ** 53;
  }

  /** A draw from N(0, 1). */
  normal() {
    const { width, height, inside } = ziggurat;
    for (;;) {
      const bits = this.next64();
      const strip = Number(bits & 0xffn);
      const negative = (bits >> 8n) & 1n;
      const fraction = Number((bits >> 9n) & 0xfffffffffffffn) / 2 ** 52;
      const x = fraction * width[strip];
      if (fraction < inside[strip]) return negative ? -x : x;
      if (strip === 0) return this.tail((bits >> 17n) & 1n);
      const y = height[strip] + (height[strip - 1] - height[strip]) * this.random();
      if (y < Math.exp(-0.5 * x * x)) return negative ? -x : x;
    }
  }

  tail(negative) {
    for (;;) {
      const beyond = -Math.log1p(-this.random()) / LAST;
      const y = -Math.log1p(-this.random());
      if (2 * y > beyond * beyond) return negative ? -(LAST + beyond) : LAST + beyond;
    }
  }

  normals(count) {
    return Float64Array.from({ length: count }, () => this.normal());
  }
}
