// Two processes of the chat as a cluster, and a tab of headless Chromium on each:
// `node cluster.js MODULES BROWSER SHOTS CHAT KIND=SERVER`. KIND is nats or redis, SERVER its server, which is
// stopped and started again in between. Prints what fails, and the counts.
'use strict';

const { spawn } = require('child_process');
const net = require('net');
const [modules, executablePath, shots, program, plane] = process.argv.slice(2);
const {
  check, same, start, open, room, join, say, picture, until, shoot, run,
} = require('./tabs.js')(modules, executablePath, shots);

const [kind, server] = plane.split('=');

async function freePort() {
  const probe = net.createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function startPlane(port) {
  const options = kind === 'nats'
    ? ['-a', '127.0.0.1', '-p', port]
    : ['--bind', '127.0.0.1', '--port', port, '--save', '', '--appendonly', 'no'];
  const child = spawn(server, options.map(String), { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  return { stop: async () => { child.kill(); await ended; } };
}

/// Both tabs see the same room.
async function see(name, [ann, bob], members, talk) {
  for (const [who, page] of [['Ann', ann], ['Bob', bob]]) {
    const shown = members.map((member) => (member === who ? `${member} (you)` : member));
    await page.waitForFunction((shown) =>
      [...document.querySelectorAll('#members span')].map((item) => item.textContent).join() === shown,
    shown.join()).catch(() => {});
    same(`${name}: what ${who} sees`, await room(page), {
      title: '#lobby', state: 'connected', members: shown,
      said: talk.map(([from, text]) => [from === who ? 'me' : from, text]),
    });
  }
}

run(`cluster, ${kind}`, async (browser) => {
  const port = await freePort();
  let backplane = startPlane(port);
  const processes = [];
  try {
    for (let n = 0; n < 2; n += 1) {
      processes.push(await start(program, `--${kind}`, `${kind}://127.0.0.1:${port}`));
      await processes[n].printed('connected to the other processes');
    }
    const wide = { viewport: { width: 980, height: 720 }, colorScheme: 'light' };
    const ann = await open(browser, processes[0].url, wide);
    await join(ann, 'Ann', 'lobby');
    await ann.waitForSelector('.note');
    const bob = await open(browser, processes[1].url, { ...wide, colorScheme: 'dark' });
    await join(bob, 'Bob', 'lobby');
    await bob.waitForSelector('.note');
    const tabs = [ann, bob];
    await see('both are there', tabs, ['Ann', 'Bob'], []);
    const zoe = await open(browser, processes[1].url, wide);
    await join(zoe, 'Zo\u00eb', 'lobby');
    await see('a third one', tabs, ['Ann', 'Bob', 'Zo\u00eb'], []);
    await zoe.context().close();
    await see('who leaves', tabs, ['Ann', 'Bob'], []);

    const talk = [];
    for (const [from, page, text] of [
      ['Ann', ann, 'Hello from the first process!'],
      ['Bob', bob, 'And from the second one \u{1f600}'],
      ['Ann', ann, 'It does not matter which one a balancer has chosen for you. '.repeat(2).trim()],
    ]) {
      await say(page, text);
      talk.push([from, text]);
      await Promise.all(tabs.map((tab) => until(tab, talk.length)));
    }
    await see('what is said', tabs, ['Ann', 'Bob'], talk);
    await picture(ann);
    talk.push(['Ann', 'picture']);
    await Promise.all(tabs.map((tab) => until(tab, talk.length)));
    await bob.waitForFunction(() => [...document.images].every((image) => image.naturalWidth > 0));
    await see('a picture', tabs, ['Ann', 'Bob'], talk);
    await shoot(ann, `cluster-${kind}-ann`);
    await shoot(bob, `cluster-${kind}-bob`);

    // Without the server each process is a chat of its own.
    await backplane.stop();
    await Promise.all(processes.map((one) => one.printed('not connected to the other processes')));
    await say(ann, 'Who hears me now?');
    await until(ann, talk.length + 1);
    backplane = startPlane(port);
    await Promise.all(processes.map((one) => one.printed('connected to the other processes')));
    // A process may have subscribed again later than the other one: the first words can be lost.
    let heard = false;
    for (let tries = 0; tries < 50 && !heard; tries += 1) {
      await say(bob, 'Again?');
      heard = await ann.waitForFunction(() => document.getElementById('log').textContent.includes('Again?'),
        undefined, { timeout: 500 }).then(() => true, () => false);
    }
    check('it goes on after the server was away', heard, await room(ann));
    const said = (await room(bob)).said.slice(talk.length).map(([, text]) => text);
    check('nothing came twice', said.filter((text) => text === 'Who hears me now?').length <= 1, said);

    processes[0].stop();
    await ann.waitForSelector('#over:visible');
    same('one process goes away', await ann.textContent('#over span'), 'the server goes away (1001).');
    same('it ends', await processes[0].ended, 0);
    // A process that has answered late is missing from the names until they are asked for again.
    await bob.waitForFunction(() => {
      const members = document.querySelectorAll('#members span');
      return members.length === 1 && members[0].textContent === 'Bob (you)';
    }).catch(() => {});
    const left = await room(bob);
    same('who is left', [left.state, left.members], ['connected', ['Bob (you)']]);
  } finally {
    processes.forEach((one) => one.kill());
    await backplane.stop();
  }
});
