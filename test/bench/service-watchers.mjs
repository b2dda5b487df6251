// Watchers in a process of their own: raw connections that count how often a byte comes.
import { connect } from 'node:net';

const MARK = '^'.charCodeAt(0);
const [count, token, path = '/ws'] = process.argv.slice(2);
let heard = 0;
let wanted = Infinity;

const look = () => {
  if (heard < wanted) return;
  process.send({ heard });
  wanted = Infinity;
};
process.on('message', ({ watch, more }) => {
  if (watch !== undefined) return join(watch);
  heard = 0;
  wanted = more;
  process.send({ counting: true });
});

const begin = (port, opened) => {
  const socket = connect(port, '127.0.0.1', () => {
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
    socket.once('data', (answer) => {
      if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(answer.toString('latin1'));
      opened();
      socket.on('data', (bytes) => {
        for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) heard += 1;
        look();
      });
    });
  });
};

/** Fifty at a time. */
const join = (port) => {
  let open = 0;
  const more = () => {
    for (let n = 0; n < Math.min(50, Number(count) - open); n++) begin(port, opened);
  };
  const opened = () => {
    open += 1;
    if (open === Number(count)) process.send({ open });
    else if (open % 50 === 0) more();
  };
  more();
};
process.send({ started: true });
