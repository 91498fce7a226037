package manager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/bulkheadnode/bulkhead/bus"
	"github.com/bulkheadnode/bulkhead/bus/bustest"
	"github.com/bulkheadnode/bulkhead/bus/clock"
	"github.com/bulkheadnode/bulkhead/bus/msg"
	"github.com/bulkheadnode/bulkhead/bus/msg/p2p"
	"github.com/bulkheadnode/bulkhead/bus/msg/roles"
	"github.com/bulkheadnode/bulkhead/bus/part"
	"github.com/bulkheadnode/bulkhead/bus/rpc"
)

func TestBansAreOnDiskWhenSetbanReturns(t *testing.T) {
	dir := t.TempDir()
	s := newShip(t, Config{DataDir: dir})
	s.succeeds("setban", `["10.0.0.0/24","add",600]`)
	s.succeeds("setban", `["1.2.3.4","add",1700001000,true]`)
	s.succeeds("setban", `["2.2.2.2","add"]`)
	s.succeeds("setban", `["2.2.2.2","remove"]`)
	want := []bannedNet{
		{"1.2.3.4/32", mockTime, 1700001000, 1000, 1000, false},
		{"10.0.0.0/24", mockTime, mockTime + 600, 600, 600, false},
	}
	require.Equal(t, want, s.succeeds("listbanned", `[]`))
	require.Equal(t, want, newShip(t, Config{DataDir: dir}).succeeds("listbanned", `[]`), "another run reads them")
	s.succeeds("clearbanned", `[]`)
	require.Equal(t, []bannedNet{}, newShip(t, Config{DataDir: dir}).succeeds("listbanned", `[]`))
}

func TestRefusedBans(t *testing.T) {
	s := newShip(t, Config{})
	s.succeeds("setban", `["10.0.0.0/24","add"]`)
	s.fails(rpc.InvalidIPOrSubnet, "Error: Invalid IP/Subnet", "setban", `["10.0.0.300","add"]`)
	s.fails(rpc.ClientNodeAdded, "Error: IP/Subnet already banned", "setban", `["10.0.0.0/24","add"]`)
	s.fails(rpc.ClientNodeAdded, "Error: IP/Subnet already banned", "setban", `["10.0.0.7","add"]`)
	s.succeeds("setban", `["10.0.0.0/16","add"]`)
	s.fails(rpc.InvalidParameter, "Error: Absolute timestamp is in the past", "setban", `["1.2.3.4","add",1600000000,true]`)
	s.fails(rpc.InvalidIPOrSubnet, "Error: Unban failed. Requested address/subnet was not previously manually banned.", "setban", `["10.0.0.7","remove"]`)
	_, err := s.ask("setban", `["1.2.3.4","forgive"]`)
	require.ErrorContains(t, err, "Attempts to add or remove an IP/Subnet")
}

func TestABanEndsTheConnectionsOfItsSubnet(t *testing.T) {
	s := newShip(t, Config{})
	w := s.worker("worker.1", 0)
	hit, missed := w.accept("10.0.0.1:5"), w.accept("10.0.1.1:5")
	s.succeeds("setban", `["10.0.0.0/24","add"]`)
	require.Equal(t, []p2p.WorkerOrder{{Seq: 1, Disconnect: &p2p.DisconnectOrder{Peer: hit, Reason: "disconnect by subnet match=10.0.0.0/24", Code: p2p.EndedByBan}}}, w.orders())
	require.NotEqual(t, hit, missed)
}

func TestTheAddressBookSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	s := newShip(t, Config{DataDir: dir})
	s.succeeds("addpeeraddress", `["1.2.3.4",8333]`)
	s.savePeers()
	require.Equal(t, 1, newShip(t, Config{DataDir: dir}).book.Len())
}

// TestAFileMayBeLongerThanAMessage, as a list of some hundred thousand bans is. Two that
// are saved at the same time do not mix.
func TestAFileMayBeLongerThanAMessage(t *testing.T) {
	dir := t.TempDir()
	s := newShip(t, Config{DataDir: dir})
	files := map[string][]byte{
		banFile:  bytes.Repeat([]byte("bans"), msg.PeersFilePiece/2),
		peerFile: bytes.Repeat([]byte("peer"), msg.PeersFilePiece/2+1),
	}
	var saved sync.WaitGroup
	for name, content := range files {
		saved.Go(func() { assert.NoError(t, s.saveFile(name, content)) })
	}
	saved.Wait()
	for name, content := range files {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.True(t, bytes.Equal(content, raw), "%s has %d bytes of %d", name, len(raw), len(content))
	}
}

// TestABanListThatCannotBeRead is replaced.
func TestABanListThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "banlist.json"), []byte("no list"), 0o600))
	s := newShip(t, Config{DataDir: dir})
	require.Equal(t, []bannedNet{}, s.succeeds("listbanned", `[]`))
	bans, err := os.ReadFile(filepath.Join(dir, "banlist.json"))
	require.NoError(t, err)
	require.True(t, json.Valid(bans))
}

// TestAnAddressBookThatCannotBeRead is for the user to judge, and left as it is; that of
// a later version is kept beside a new one.
func TestAnAddressBookThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "peers.dat")
	require.NoError(t, os.WriteFile(path, []byte("no addresses at all"), 0o600))
	err := Run(t.Context(), part.Env{Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)}, Config{DataDir: dir})
	require.EqualError(t, err, "Invalid or corrupt peers.dat (Invalid network magic number). If you believe this is a bug, please report it to . "+
		"As a workaround, you can move the file (\""+path+"\") out of the way (rename, move, or delete) to have a new one created on the next start.")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "no addresses at all", string(raw))

	future := []byte{0, 0, 0, 0, 111, 32 + 111}
	require.NoError(t, os.WriteFile(path, future, 0o600))
	require.Zero(t, newShip(t, Config{DataDir: dir}).book.Len())
	raw, err = os.ReadFile(path + ".bak")
	require.NoError(t, err)
	require.Equal(t, future, raw)
	require.Zero(t, newShip(t, Config{DataDir: dir}).book.Len(), "what replaced it can be read")
}

// TestTablesOfAddresses are shown by place, and counted by network.
func TestTablesOfAddresses(t *testing.T) {
	s := newShip(t, Config{Regtest: true, Test: []string{"addrman"}})
	require.Equal(t, addressAdded{Success: true}, s.succeeds("addpeeraddress", `["1.2.3.4",8333,true]`))
	require.Equal(t, addressAdded{Error: "failed-adding-to-new"}, s.succeeds("addpeeraddress", `["1.2.3.4",8333]`))
	require.Equal(t, addressAdded{Error: "failed-adding-to-tried"}, s.succeeds("addpeeraddress", `["1.2.5.45",8333,true]`))
	require.Equal(t, addressAdded{Success: true}, s.succeeds("addpeeraddress", `["2.0.0.0",8333]`))
	raw := s.succeeds("getrawaddrman", `[]`).(rawTables)
	require.Equal(t, map[string]rawAddress{"6/33": {"1.2.3.4", 0, 8333, 9, mockTime, "ipv4", "1.2.3.4", "ipv4", 0}}, raw.Tried)
	require.Len(t, raw.New, 2)
	require.Equal(t, "2.0.0.0", raw.New["82/8"].Address)
	counts := s.succeeds("getaddrmaninfo", `[]`).(map[string]*addressCount)
	require.Equal(t, addressCount{New: 2, Tried: 1, Total: 3}, *counts["all_networks"])
	require.Equal(t, addressCount{New: 2, Tried: 1, Total: 3}, *counts["ipv4"])
	require.Equal(t, addressCount{}, *counts["onion"])
}

// TestRun: the whole manager dials what is configured, asks for workers where each
// connection has its own, and saves the address book at its end.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := bustest.New(t)
		mux := bus.NewMux()
		spawned := make(chan struct{}, 100)
		msg.SpawnWorker.Handle(mux, func(context.Context, bus.None) (msg.SpawnReply, error) {
			spawned <- struct{}{}
			if len(spawned) > 3 {
				return msg.SpawnReply{}, errors.New("no more")
			}
			return msg.SpawnReply{}, nil
		})
		keepFiles(t, mux, dir)
		b.Conn(roles.Supervisor, "supervisor", mux)
		ctx, cancel := context.WithCancel(t.Context())
		ended := concurrently(ctx, func(ctx context.Context) error {
			return Run(ctx, part.Env{Name: "peers", Link: b.Link(roles.Peers, "peers"), Logger: slog.New(slog.DiscardHandler), Clock: clock.New(0)},
				Config{DataDir: dir, IdleWorkers: 2, AddNode: []string{"1.2.3.4:8333"}})
		})
		synctest.Wait()
		require.Len(t, spawned, 3, "two idle ones, and one for the dial that waits")
		conn, stop := b.Conn(roles.Worker, "worker.1", bus.NewMux())
		w := &worker{t: t, conn: conn}
		_, err := msg.RegisterWorker.Call(ctx, conn, p2p.RegisterWorkerRequest{Capacity: 1})
		require.NoError(t, err)
		require.Equal(t, "1.2.3.4:8333", w.orders()[0].Dial.Target)
		<-time.After(spawnPatience + tickInterval)
		synctest.Wait()
		require.Greater(t, len(spawned), 3, "those that did not come are asked for again")
		stop()
		cancel()
		require.NoError(t, <-ended)
		require.FileExists(t, filepath.Join(dir, "peers.dat"))
	})
}

// What a worker brings is held against bans as what it accepts is: another manager
// may have banned an address, and ended before the worker was told.
func TestABanHoldsForConnectionsThatAWorkerBrings(t *testing.T) {
	s := newShip(t, Config{Whitelist: []string{"noban@10.0.0.2"}})
	s.succeeds("setban", `["10.0.0.0/24","add"]`)
	open := func(id int64, remote string, kind p2p.ConnectionType) p2p.OpenInfo {
		return p2p.OpenInfo{Peer: id, Kind: kind, Name: remote, Remote: remote, Local: "10.0.0.9:8333"}
	}
	w := s.worker("worker.1", 0, open(7, "10.0.0.1:5", p2p.Inbound), open(8, "10.0.1.1:5", p2p.Inbound),
		open(9, "10.0.0.2:5", p2p.Inbound), open(10, "10.0.0.3:8333", p2p.Manual))
	orders := w.orders()
	require.Len(t, orders, 1)
	require.Equal(t, &p2p.DisconnectOrder{Peer: 7, Reason: "banned", Code: p2p.EndedByBan}, orders[0].Disconnect)
}
