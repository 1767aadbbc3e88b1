/// Shell for what stands between a client and the server.
enum Relay {
    /// A line between device and server that breaks once, in the middle of the first connection over which much comes. In the
    /// client's configuration "RELAY" stands for its port.
    static func cutsOnce(to port: Int, config: String) -> String {
        """
        cat >relay.py <<'END'
        import socket, threading
        listener = socket.create_server(("127.0.0.1", 0))
        open("relay", "w").write(str(listener.getsockname()[1]))
        broken = threading.Event()
        def carry(source, target, counts):
            total = 0
            try:
                while data := source.recv(16384):
                    total += len(data)
                    if counts and total > 500000 and not broken.is_set():
                        broken.set()
                        open("cut", "w").write(str(total))
                        break
                    target.sendall(data)
            except OSError:
                pass
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        while True:
            device, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", \(port)))
            threading.Thread(target=carry, args=(device, server, False), daemon=True).start()
            threading.Thread(target=carry, args=(server, device, True), daemon=True).start()
        END
        python3 relay.py &
        for i in $(seq 1 200); do [ -s relay ] && break; sleep 0.05; done
        sed -i "s/RELAY/$(cat relay)/" \(config)
        """
    }
}
