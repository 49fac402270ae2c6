internal import Foundation
internal import Processes

/// The process that is responsible for one private server: it makes the directory, starts and signals the
/// server, and when its owner is gone, ends the server and removes the directory.
///
/// It is a `/bin/sh` that reads requests from a socket. The owner's end of that socket is close-on-exec from
/// the moment it exists, so the owner is the only process that holds it, and the kernel closes it however the
/// owner dies. The shell then reads the end of its input and cleans up. There are no gaps:
///
/// - The guardian makes the directory itself: it never exists without somebody to remove it.
/// - The server is the guardian's child, not the owner's: it never runs without somebody to end it, and the
///   id of a dead server's process is not reused before the guardian has waited for it.
/// - The guardian is in a session of its own. Ctrl-C, a closed terminal, and a `SIGKILL` of the owner's whole
///   process group do not reach it.
/// - Of the owner's descriptors it holds only the socket: nobody waits in vain for the end of the owner's
///   output.
struct ServerGuardian: ~Copyable {
    private static let script = """
        directory=$1 binary=$2 server=
        finish() {
            trap '' HUP INT TERM
            if [ -n "$server" ]; then kill -s KILL "$server"; wait "$server"; fi
            # A child that the server has forked to save its data may still add a file during the removal.
            for attempt in 1 2 3 4 5; do
                rm -rf "$directory" && break
                sleep 1
            done
            # Last: such children are in this process group too, and would otherwise keep working for nobody.
            kill -s KILL 0
        }
        trap '' PIPE
        umask 077
        mkdir "$directory" || exit
        trap finish EXIT
        trap exit HUP INT TERM
        echo ready
        while read -r request; do
            case $request in
            start)
                "$binary" "$directory/redis.conf" </dev/null >>"$directory/redis.log" 2>&1 &
                server=$!
                echo "$server" ;;
            end)
                kill -s KILL "$server"
                wait "$server"
                server=
                echo ended ;;
            *)
                kill -s "$request" "$server"
                echo sent ;;
            esac
        done
        """

    private let channel: LocalSocket
    private let processID: Int32

    private init(channel: consuming LocalSocket, processID: Int32) {
        self.channel = channel
        self.processID = processID
    }

    /// Starts a guardian and has it make `directory`.
    static func start(directory: String, binary: String) throws(PrivateRedisServerError) -> ServerGuardian {
        let (ours, theirs) = try LocalSocket.pair()
        let channel = LocalSocket(descriptor: ours)
        defer { close(theirs) }
        let processID = try spawn(["-c", script, "holdfast-guardian", directory, binary], channel: theirs)
        let guardian = ServerGuardian(channel: channel, processID: processID)
        guard guardian.channel.receiveLine(within: .seconds(10)) == "ready" else {
            throw PrivateRedisServerError(.system, "The directory \(directory) could not be created.")
        }
        return guardian
    }

    private static func spawn(
        _ arguments: [String], channel: Int32
    ) throws(PrivateRedisServerError) -> Int32 {
        var plan = SpawnPlan("/bin/sh", arguments)
        plan.isolation = .session
        plan.input = .descriptor(channel)
        plan.output = .descriptor(channel)
        plan.error = .nothing
        do {
            return try plan.startUnwatched()
        } catch {
            throw PrivateRedisServerError(
                .system, "The guardian of the private redis-server could not be started: \(error)")
        }
    }

    /// Has the guardian start the server, and returns the id of its process; `nil` if the guardian is gone.
    borrowing func startServer() -> Int32? {
        ask("start").flatMap { Int32($0) }
    }

    /// Sends the signal of that name (without `SIG`) to the server; `false` when the guardian is gone.
    borrowing func signalServer(_ name: String) -> Bool {
        ask(name) != nil
    }

    /// Kills the server and waits until it is gone; `false` when the guardian is gone.
    borrowing func endServer() -> Bool {
        ask("end") != nil
    }

    private borrowing func ask(_ request: String) -> String? {
        guard channel.send(request + "\n") else { return nil }
        return channel.receiveLine(within: .seconds(30))
    }

    /// Has the guardian end the server and remove the directory, exactly as after the owner's death, and
    /// waits.
    deinit {
        channel.endSending()
        _ = channel.receiveLine(within: .seconds(30))
        var status: Int32 = 0
        while waitpid(processID, &status, 0) == -1, errno == EINTR {}
    }
}
