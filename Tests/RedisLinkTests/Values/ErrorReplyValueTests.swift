import Testing

@testable import RedisLink

@Suite("The meaning of error replies")
struct ErrorReplyValueTests {
    typealias Rule = ErrorReply.Rule

    /// What Redis 7 says, word for word, and what is done about it.
    static let catalogue: [(text: String, kind: String, rule: Rule)] = [
        ("LOADING Redis is loading the dataset in memory", "LOADING", .repeat),
        (
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "BUSY",
            .repeat
        ),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN", .repeat),
        ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN", .repeat),
        ("CLUSTERDOWN Hash slot not served", "CLUSTERDOWN", .repeat),
        (
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "MASTERDOWN",
            .repeatElsewhere
        ),
        ("READONLY You can't write against a read only replica.", "READONLY", .reconnect),
        ("NOAUTH Authentication required.", "NOAUTH", .reconnect),
        ("ERR max number of clients reached", "ERR", .reconnect),
        ("OOM command not allowed when used memory > 'maxmemory'.", "OOM", .refuse),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist",
            "MISCONF", .refuse
        ),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", .refuse),
        ("MOVED 3999 127.0.0.1:6381", "MOVED", .refuse),
        ("ASK 3999 127.0.0.1:6381", "ASK", .refuse),
        ("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT", .refuse),
        ("NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT", .refuse),
        ("NOTBUSY No scripts in execution right now.", "NOTBUSY", .refuse),
        ("UNKILLABLE Sorry the script already executed write commands", "UNKILLABLE", .refuse),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE", .refuse),
        ("WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS", .refuse),
        ("NOPERM this user has no permissions to run the 'set' command", "NOPERM", .refuse),
        ("EXECABORT Transaction discarded because of previous errors.", "EXECABORT", .refuse),
        ("NOGROUP No such key 'q' or consumer group 'g'", "NOGROUP", .refuse),
        ("BUSYGROUP Consumer Group name already exists", "BUSYGROUP", .refuse),
        ("BUSYKEY Target key name already exists.", "BUSYKEY", .refuse),
        ("NOPROTO unsupported protocol version", "NOPROTO", .refuse),
        ("NOTREADY Not ready", "NOTREADY", .refuse),
        ("INPROG Failover already in progress", "INPROG", .refuse),
        ("IOERR error or timeout reading to target instance", "IOERR", .refuse),
        ("DENIED Redis is running in protected mode", "DENIED", .refuse),
        ("ERR value is not an integer or out of range", "ERR", .refuse),
        ("ERR", "ERR", .refuse),
        ("", "", .refuse),
        ("Ünïcode 🔒 and \u{1B}[31mcolour", "Ünïcode", .refuse),
        ("loading is no kind", "loading", .refuse),
        ("LOADINGS is another kind", "LOADINGS", .refuse),
    ]

    @Test("each kind has its rule", arguments: catalogue.indices)
    func rule(index: Int) {
        let (text, kind, rule) = Self.catalogue[index]
        let reply = ErrorReply(text)
        #expect(reply.kind == kind)
        #expect(reply.rule == rule)
        #expect(reply.text == text)
        #expect(reply.scriptLine == nil)
    }

    @Test(
        "an error of a script's command has that command's kind, and its script is never run again for it",
        arguments: [
            (
                "WRONGTYPE Operation against a key script: 0a1b, on @user_script:12.", "WRONGTYPE", 12,
                Rule.refuse
            ),
            (
                "ERR Error running script (call to f_0a1b): @user_script:12: WRONGTYPE Operation against",
                "WRONGTYPE", 12, .refuse
            ),
            (
                "ERR Error running script (call to f_0a1b): @user_script:3: @user_script: 3: -OOM command",
                "OOM", 3, .refuse
            ),
            ("WRONGTYPE Operation against a key script: on @user_script:7.", "WRONGTYPE", 7, .refuse),
            ("LOADING of something script: 0a1b, on @user_script:1.", "LOADING", 1, .refuse),
            ("CLUSTERDOWN of something script: 0a1b, on @user_script:1.", "CLUSTERDOWN", 1, .refuse),
            ("READONLY You can't write script: 0a1b, on @user_script:1.", "READONLY", 1, .reconnect),
        ])
    func insideScript(text: String, kind: String, line: Int, rule: Rule) {
        let reply = ErrorReply(text)
        #expect(reply.kind == kind)
        #expect(reply.scriptLine == line)
        #expect(reply.rule == rule)
    }

    @Test("a missing permission is read out of every wording", arguments: permissions.indices)
    func permission(index: Int) {
        let (text, permission) = Self.permissions[index]
        #expect(ErrorReply(text).denied == permission, "\(text)")
        let error = RedisError(reply: text)
        #expect(error.code == (permission == nil ? .refused : .permissionDenied))
        #expect(error.permission == permission)
        #expect(error.delivery == .refused)
    }

    static let permissions: [(String, Permission?)] = [
        // Redis 6.2.
        (
            "NOPERM this user has no permissions to run the 'set' command or its subcommand",
            Permission(.command, "set")
        ),
        ("NOPERM this user has no permissions to access one of the keys used as arguments", Permission(.key)),
        (
            "NOPERM this user has no permissions to access one of the channels used as arguments",
            Permission(.channel)
        ),
        (
            "ERR Error running script (call to f_0a): @user_script:2: @user_script: 2: "
                + "The user executing the script can't run this command or subcommand", Permission(.command)
        ),
        (
            "ERR Error running script (call to f_0a): @user_script:2: @user_script: 2: The user executing "
                + "the script can't access at least one of the keys mentioned in the command arguments",
            Permission(.key)
        ),
        (
            "@user_script: 1: The user executing the script can't run this command or subcommand",
            Permission(.command)
        ),
        // Redis 7.0.
        (
            "NOPERM this user has no permissions to run the 'client|setname' command",
            Permission(.command, "client|setname")
        ),
        (
            "ERR The user executing the script can't run this command or subcommand script: 0a, "
                + "on @user_script:1.", Permission(.command)
        ),
        (
            "ERR The user executing the script can't access at least one of the keys mentioned in the "
                + "command arguments script: 0a, on @user_script:1.", Permission(.key)
        ),
        (
            "ERR The user executing the script can't publish to the channel mentioned in the command "
                + "script: 0a, on @user_script:1.", Permission(.channel)
        ),
        (
            "ERR The user executing the script is lacking the permissions for the command script: 0a, "
                + "on @user_script:1.", Permission(.command)
        ),
        ("ERR The user executing the script can't run this command or subcommand", Permission(.command)),
        // Redis 7.2 and Valkey.
        ("NOPERM User app has no permissions to run the 'get' command", Permission(.command, "get")),
        ("NOPERM No permissions to access a key", Permission(.key)),
        ("NOPERM No permissions to access a channel", Permission(.channel)),
        ("NOPERM No permissions to access database", Permission(.database)),
        (
            "ERR ACL failure in script: User app has no permissions to run the 'hset' command script: 0a, "
                + "on @user_script:1.", Permission(.command, "hset")
        ),
        (
            "NOPERM ACL failure in script: User app has no permissions to access the 'it's' key' key",
            Permission(.key, "it's' key")
        ),
        (
            "ERR ACL failure in script: No permissions to access a key script: 0a, on @user_script:1.",
            Permission(.key)
        ),
        (
            "ERR ACL failure in script: User app has no permissions to access the 'c:a' channel script: 0a, "
                + "on @user_script:1.", Permission(.channel, "c:a")
        ),
        (
            "ERR ACL failure in script: User u has no permissions to run the 'xgroup|create' command "
                + "script: on @user_script:1.", Permission(.command, "xgroup|create")
        ),
        // Says nothing of permissions, whatever words are in it.
        ("ERR no permissions to run the 'x' command", nil),
        ("WRONGTYPE Operation against a key", nil),
        ("NOAUTH Authentication required.", nil),
    ]

    @Test("a permission that a script lacks is named by the line that needed it")
    func naming() {
        let script = RedisScript(
            name: "test",
            source: """
                -- A comment.
                local a = redis.call('GET', KEYS[1])
                local b = redis.pcall('SET', KEYS[1], 'x')
                return {redis.call('ttl', KEYS[2]), redis.call('PTTL', KEYS[2])}
                """)
        let denied = "ERR The user executing the script can't run this command or subcommand"
        let key = "ERR The user executing the script can't access at least one of the keys mentioned in the"
        func error(_ text: String) -> RedisError {
            RedisError(reply: text).naming(script, keys: ["k1", "k2"])
        }
        #expect(error("\(denied) script: 0a, on @user_script:2.").permission == Permission(.command, "GET"))
        #expect(
            error("\(denied) script: 0a, on @user_script:4.").permission
                == Permission(.command, "TTL", "PTTL"))
        #expect(error(denied).permission == Permission(.command, "SET"), "the protected call tells no line")
        #expect(error("\(denied) script: 0a, on @user_script:99.").permission == Permission(.command))
        #expect(
            error("\(key) command script: 0a, on @user_script:2.").permission == Permission(.key, "k1", "k2"))
        let named = "NOPERM User a has no permissions to run the 'get' command"
        #expect(error(named).permission == Permission(.command, "get"))
        #expect(error("OOM no").permission == nil)
        #expect(error("\(denied) script: 0a, on @user_script:4.").permission?.rule == "+ttl or +pttl")
    }

    // MARK: Repetition

    @Test("a repetition waits longer and longer, at random, and never past the deadline")
    func pauses() {
        let now = ContinuousClock.now
        let refusal = RedisError(reply: "LOADING data")
        var repetition = Repetition(until: now + .seconds(5), by: "/r.sock", refusal)
        var longest: [Duration] = []
        for _ in 0..<12 {
            longest.append(repetition.pause(at: now, random: 1)!)
            #expect(repetition.pause(at: now, random: 0)! == longest.last! / 2)
            repetition.refused(refusal)
        }
        #expect(longest.prefix(3) == [.milliseconds(10), .milliseconds(20), .milliseconds(40)])
        #expect(longest.suffix(3).allSatisfy { $0 == Repetition.longest })
        #expect(repetition.pause(at: now + .seconds(4.4), random: 1) != nil)
        #expect(repetition.pause(at: now + .seconds(4.6), random: 1) == nil)
        let failure = repetition.failure
        #expect(failure.delivery == .refused)
        #expect(failure.replyKind == "LOADING")
        #expect(
            failure.message
                == "/r.sock refused until the deadline, 13 times, most recently with: LOADING data")
    }
}
