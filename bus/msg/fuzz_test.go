package msg_test

import (
	"bytes"
	"math/rand"
	"reflect"
	"testing"
	"testing/quick"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/codec"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

// bodies returns an empty value of every type that crosses the bus as a body.
func bodies() []any {
	return []any{
		new(codec.Announcement), new(codec.Prefixes), new(bus.None),
		new(rpc.Request), new(rpc.Piece),
		new(msg.RegistryReply), new(msg.RegistryEntry), new(msg.BusStatsReply),
		new(msg.ReadinessReply), new(msg.SpawnReply), new(msg.SpawnWalletRequest), new(msg.MakeWalletRequest), new(msg.RememberWalletRequest), new(msg.CompartmentsReply),
		new(msg.GetBlockRequest), new(msg.GetBlockReply), new(msg.BlockEvent), new(msg.TipEvent), new(msg.TxEvent),
		new(msg.WatchRequest), new(msg.ScanRequest), new(msg.ScanItem), new(msg.WatchedMempoolItem), new(msg.WatchedTxEvent), new(msg.BroadcastRequest),
		new(p2p.Tip), new(p2p.TipChangedEvent), new(p2p.BlockSeenEvent), new(p2p.PeerEvent), new(p2p.Done),
		new(p2p.LocatorRequest), new(p2p.LocatorReply), new(p2p.FindHeadersRequest), new(p2p.FindBlocksRequest), new(p2p.HeadersReply),
		new(p2p.SubmitHeadersRequest), new(p2p.SubmitHeadersReply), new(p2p.SubmitBlockRequest), new(p2p.SubmitTxRequest), new(p2p.SubmitTxsRequest), new(p2p.SubmitTxsReply), new(p2p.SubmitReply),
		new(p2p.LeaseRequest), new(p2p.LeaseReply), new(p2p.ReleaseRequest),
		new(p2p.FetchBlockRequest), new(p2p.Compact), new(p2p.Presync), new(p2p.FetchFiltersRequest), new(p2p.FetchFiltersReply),
		new(p2p.SubmitCompactRequest), new(p2p.SubmitCompactReply), new(p2p.FetchBlockTxsRequest), new(p2p.FetchBlockTxsReply), new(p2p.FetchTxRequest), new(p2p.FetchReply), new(p2p.MempoolRequest),
		new(msg.TxRates), new(p2p.WantTxsRequest), new(p2p.WantTxsReply), new(p2p.TxsAnnouncedEvent),
		new(p2p.RegisterWorkerRequest), new(p2p.RegisterWorkerReply), new(p2p.OpenInfo),
		new(p2p.NextOrdersRequest), new(p2p.NextOrdersReply), new(p2p.WorkerOrder),
		new(p2p.OpenPeerRequest), new(p2p.OpenPeerReply), new(p2p.DialFailedRequest), new(p2p.ShowDialRequest), new(p2p.DialOrder), new(p2p.ClosePeerRequest),
		new(p2p.IntroducePeerRequest), new(p2p.IntroducePeerReply), new(p2p.ReportPeersRequest), new(p2p.CaptureMessageRequest),
		new(p2p.LeaseTrafficRequest), new(p2p.LeaseTrafficReply), new(p2p.MeterOrder), new(p2p.PeerClosedEvent), new(msg.WorkerPlanBody),
		new(msg.KeptBody), new(msg.EndedPeersBody), new(msg.OpenFileRequest), new(msg.FileNumber), new(msg.FeeEstimatesRequest), new(msg.FeeEstimatesReply), new(msg.CloseFileRequest), new(msg.PeersFileBody), new(msg.ProveTorRequest), new(msg.ProveTorReply), new(msg.CompartmentEvent),
		new(p2p.AddAddressesRequest), new(p2p.GetAddressesRequest), new(p2p.AddressesReply),
		new(p2p.CountUploadRequest), new(p2p.CountUploadReply), new(p2p.SelfAddressRequest), new(p2p.SelfAddressReply), new(p2p.RelayTxsRequest), new(p2p.RelayTxsReply), new(p2p.ProtectPeerRequest), new(p2p.ProtectPeerReply),
		new(p2p.TakePrivateRequest), new(p2p.TakePrivateReply), new(p2p.ConfirmPrivateRequest), new(msg.WantPrivateRequest), new(msg.WantPrivateReply), new(msg.WarningsReply), new(msg.WarnedEvent), new(msg.DemandBlockRequest), new(msg.DemandBlockReply),
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
