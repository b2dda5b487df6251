/**
 * Sets, and forgets the oldest beyond `most`. What is set again counts as new. A sixteenth is forgotten at once: to find the
 * oldest a map walks past all that was deleted before it.
 */
export const setBounded = <K, V>(map: Map<K, V>, key: K, value: V, most: number): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const kept = most - (most >> 4);
  for (const oldest of map.keys()) {
    if (map.size <= kept) return;
    map.delete(oldest);
  }
};
