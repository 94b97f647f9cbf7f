import PersistencePostgreSQL
import Primitives
import Testing

@Suite struct PostgreSQLBackOffTests {
    @Test("Pauses between attempts to connect double up to two seconds, and differ")
    func pausesDouble() {
        var backOff = BackOff(generator: SeededGenerator(1))
        var other = BackOff(generator: SeededGenerator(2))
        for step in 0..<20 {
            let most = min(Duration.milliseconds(20 << min(step, 10)), .seconds(2))
            let pause = backOff.next()
            #expect(pause >= most / 2 && pause < most)
            #expect(pause != other.next())
        }
        backOff.reset()
        #expect(backOff.next() < .milliseconds(20))
    }

    @Test("Connections are shared out to commits, lists and all else, at least one each")
    func shares() {
        for most in 3...100 {
            let shares = ConnectionShares(connectionsMax: most)
            #expect(shares.commits + shares.lists + shares.calls == most)
            #expect(shares.commits >= 1 && shares.lists >= 1 && shares.calls >= 1)
        }
    }
}
