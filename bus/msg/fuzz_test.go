package msg_test

import (
	"bytes"
	"math/rand"
	"reflect"
	"testing"
	"testing/quick"

	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/msg"
)

// bodies returns an empty value of every type that crosses the bus as a body.
func bodies() []any {
	return []any{
		new(codec.Announcement), new(codec.Prefixes),
		new(msg.RegistryReply), new(msg.RegistryEntry), new(msg.BusStatsReply),
		new(msg.Tip), new(msg.TipChangedEvent), new(msg.GetBlockRequest), new(msg.GetBlockReply),
		new(msg.BlockEvent), new(msg.TxEvent), new(msg.PeerBlamedEvent),
		new(msg.LocatorReply), new(msg.FindRequest), new(msg.HeadersReply), new(msg.SubmitHeadersRequest), new(msg.SubmitHeadersReply),
		new(msg.LeaseRequest), new(msg.LeaseReply), new(msg.PeerRequest), new(msg.SubmitBlockRequest), new(msg.SubmitTxRequest),
		new(msg.SubmitReply), new(msg.FetchBlockRequest), new(msg.FetchTxRequest), new(msg.FetchReply),
		new(msg.WantTxsRequest), new(msg.WantTxsReply), new(msg.TxsAnnouncedEvent),
		new(msg.RegisterWorkerRequest), new(msg.RegisterWorkerReply), new(msg.NextOrdersRequest), new(msg.NextOrdersReply),
		new(msg.OpenPeerRequest), new(msg.OpenPeerReply), new(msg.DialFailedRequest), new(msg.IntroducePeerRequest),
		new(msg.IntroducePeerReply), new(msg.ClosePeerRequest), new(msg.ReportPeersRequest), new(msg.AddAddressesRequest), new(msg.AddressesReply),
		new(msg.SpawnReply), new(msg.SpawnWalletRequest),
		new(msg.WatchRequest), new(msg.ScanRequest), new(msg.ScanReply), new(msg.WatchedMempoolReply), new(msg.WatchedTxEvent), new(msg.BroadcastRequest),
	}
}

// FuzzBodies: whatever arrives as a body of some type is refused, or means the
// same after it was encoded and decoded again.
func FuzzBodies(f *testing.F) {
	random := rand.New(rand.NewSource(1))
	for i, body := range bodies() {
		for range 3 {
			value, ok := quick.Value(reflect.TypeOf(body).Elem(), random)
			if !ok {
				f.Fatalf("no value of %T", body)
			}
			seed, err := codec.Marshal(value.Interface())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(byte(i), seed)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		all := bodies()
		into := all[int(which)%len(all)]
		if codec.Unmarshal(data, into) != nil {
			return
		}
		first, err := codec.Marshal(into)
		if err != nil {
			t.Fatalf("%T cannot be encoded again: %v", into, err)
		}
		again := reflect.New(reflect.TypeOf(into).Elem()).Interface()
		if err := codec.Unmarshal(first, again); err != nil {
			t.Fatalf("%T cannot be decoded again: %v", into, err)
		}
		second, err := codec.Marshal(again)
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%T changed: %x, then %x", into, first, second)
		}
	})
}
