/**
 * The open streams of a connection by their number. A `Map` would keep the ones that are gone alive
 * (`lib/member-list`). Numbers of one side are all odd or all even and go up, so that those which are open
 * mostly have places of their own; two that share one are neighbours (open addressing, linear probing).
 */

const firstPlaces = 8;

export class StreamTable<Stream extends { readonly id: number }> {
  /** A power of two of places, at most half of them taken. */
  #places: (Stream | undefined)[] = emptyPlaces(firstPlaces);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream | undefined {
    return this.#places[this.#placeOf(id)];
  }

  /** Replaces the stream of that number. */
  add(stream: Stream): void {
    if (2 * (this.#size + 1) > this.#places.length) this.#grow();
    const place = this.#placeOf(stream.id);
    if (this.#places[place] === undefined) this.#size++;
    this.#places[place] = stream;
  }

  delete(id: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let free = this.#placeOf(id);
    if (places[free] === undefined) return;
    this.#size--;
    // Whoever was put behind because its place was taken comes nearer again.
    for (let place = (free + 1) & mask; ; place = (place + 1) & mask) {
      const stream = places[place];
      if (stream === undefined) break;
      const wanted = (stream.id >>> 1) & mask;
      if (((place - wanted) & mask) < ((place - free) & mask)) continue;
      places[free] = stream;
      free = place;
    }
    places[free] = undefined;
  }

  /** A copy: anybody may leave meanwhile. */
  all(): Stream[] {
    return this.#places.filter((stream) => stream !== undefined);
  }

  /** That of the stream, or the free one where it belongs. */
  #placeOf(id: number): number {
    const places = this.#places;
    const mask = places.length - 1;
    let place = (id >>> 1) & mask;
    for (let stream = places[place]; stream !== undefined; stream = places[place]) {
      if (stream.id === id) break;
      place = (place + 1) & mask;
    }
    return place;
  }

  #grow(): void {
    const streams = this.all();
    this.#places = emptyPlaces(2 * this.#places.length);
    for (const stream of streams) this.#places[this.#placeOf(stream.id)] = stream;
  }
}

function emptyPlaces<Stream>(count: number): (Stream | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}
