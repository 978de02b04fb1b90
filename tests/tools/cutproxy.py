#!/usr/bin/env python3
"""A TCP proxy that cuts. cutproxy.py PORT|SOCKET [--unix SOCKET] [--up N | --down N] [--how rst|fin|silence] [--rate B --delay S] [--count FILE]

Listens on a free port of loopback (printed on the first line), or on a socket of the file system, and relays to PORT of loopback or to
such a socket. After N bytes in one direction, counted
over all connections, it cuts the one at work, once, and says "cut" on stderr: by a reset, by an end of the stream, or by saying nothing any more. --rate and
--delay shape both directions: bytes a second, seconds each way. --count writes "<up> <down>" at the end of every connection.
"""
import argparse, asyncio, socket, struct, sys

args = argparse.ArgumentParser()
args.add_argument('port')
args.add_argument('--unix')
args.add_argument('--host', default='127.0.0.1')
args.add_argument('--listen', default='127.0.0.1')
args.add_argument('--up', type=int)
args.add_argument('--down', type=int)
args.add_argument('--how', default='rst', choices=['rst', 'fin', 'silence'])
args.add_argument('--rate', type=float)
args.add_argument('--delay', type=float, default=0)
args.add_argument('--count')
args = args.parse_args()

total = {'up': 0, 'down': 0}
left = {'up': args.up, 'down': args.down}
busy = {'up': 0.0, 'down': 0.0}   # until when the line of this direction is taken, by the loop's clock
cut_done = False
forever = asyncio.Event()


def reset(writer):
    sock = writer.get_extra_info('socket')
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    except OSError:
        pass
    writer.transport.abort()


async def shaped(way, block):
    loop = asyncio.get_running_loop()
    now = loop.time()
    start = max(now, busy[way])
    busy[way] = start + (len(block) / args.rate if args.rate else 0)
    return busy[way] + args.delay


async def pump(way, reader, writer, ends):
    global cut_done
    queue = asyncio.Queue()

    async def send():
        loop = asyncio.get_running_loop()
        while True:
            when, block = await queue.get()
            await asyncio.sleep(max(0, when - loop.time()))
            if block is None:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            writer.write(block)
            await writer.drain()

    sender = asyncio.create_task(send())
    try:
        while True:
            block = await reader.read(1400)
            if not block:
                await queue.put((await shaped(way, b''), None))
                await sender
                return
            limit = left[way]
            if limit is not None and not cut_done and total[way] + len(block) > limit:
                cut_done = True
                print('cut', file=sys.stderr, flush=True)
                block = block[:limit - total[way]]
                total[way] += len(block)
                writer.write(block)
                await asyncio.sleep(0)
                if args.how == 'silence':
                    await forever.wait()
                for end in ends:
                    reset(end) if args.how == 'rst' else end.close()
                return
            total[way] += len(block)
            if args.rate or args.delay:
                await queue.put((await shaped(way, block), block))
            else:
                writer.write(block)
                await writer.drain()
    except (ConnectionError, OSError):
        for end in ends:
            reset(end)
    finally:
        sender.cancel()


async def relay(reader, writer):
    try:
        if args.port.startswith('/'):
            server_reader, server_writer = await asyncio.open_unix_connection(args.port)
        else:
            server_reader, server_writer = await asyncio.open_connection(args.host, int(args.port))
    except OSError:
        reset(writer)
        return
    ends = [writer, server_writer]
    await asyncio.gather(pump('up', reader, server_writer, ends), pump('down', server_reader, writer, ends))
    for end in ends:
        end.close()
    if args.count:
        with open(args.count, 'w') as out:
            out.write('%d %d\n' % (total['up'], total['down']))


async def main():
    if args.unix:
        server = await asyncio.start_unix_server(relay, args.unix)
    else:
        server = await asyncio.start_server(relay, args.listen, 0)
        print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
